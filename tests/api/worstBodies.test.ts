// Tests bodies of the largest allowed size with as many faults as possible. The responses must stay short.
import type { Problem } from '@trainyard/contracts';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { bodyWith, type Json, kinds, placesOf } from '../fuzz/worstBodies.ts';
import { worstRequests } from '../fuzz/worstRequests.ts';
import { metricsOf, result, startJob } from '../support/jobs.ts';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { tutorial } from './fixtures/spec.ts';

const mebibyte = 2 ** 20;

async function postText(api: TestApi, url: string, payload: string) {
  return await api.call({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
}

/** Sends a body, and returns the problems of the response. @throws Error unless the response is a 422 */
async function problemsOf(api: TestApi, body: object, url = '/jobs?dryRun=true') {
  const response = await postText(api, url, JSON.stringify(body));
  expect(response.statusCode, response.body.slice(0, 1_000)).toBe(422);
  return response.json<Problem>().errors ?? [];
}

/** Builds an object with this number of fields. None of them is a field of a spec. */
const unknownFields = (count: number): object => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

test('a response has at most a hundred problems and 64 KiB, whatever the body holds', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  await attempt.appendEpoch(metricsOf(1));
  await attempt.finish({ status: 'succeeded', result });
  const requests = worstRequests(attempt.jobId);
  const bodies = fc.constantFrom(...requests).chain((request) =>
    fc.record({
      request: fc.constant(request),
      fillings: fc.tuple(
        fc.record({
          path: fc.constantFrom(...placesOf(request.example)),
          kind: fc.constantFrom(...kinds),
          most: fc.constantFrom(Infinity, 19_000, 900),
        }),
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async ({ request: { url, example }, fillings }) => {
      const response = await postText(api, url, bodyWith(example, fillings, mebibyte));
      expect(response.statusCode).toBeLessThan(500);
      if (response.statusCode < 400) return;
      expect(response.rawPayload.length).toBeLessThanOrEqual(64 * 1_024);
      expect(response.json<Problem>().errors?.length ?? 0).toBeLessThanOrEqual(100);
    }),
    { numRuns: 60 },
  );
});

describe('a body with', () => {
  test.for<[string, Json, string]>([
    ['more than 1,000 different keys', unknownFields(1_100) as Json, 'has more than 1000 different keys'],
    ['more than 20,000 values', { ...(tutorial as object), labels: Array(20_001).fill(1) as number[] }, 'has more than 20000 values'],
    ['a hundred thousand empty layers', { model: { layers: Array.from({ length: 100_000 }, () => ({})) } }, 'has more than 20000 values'],
  ])('%s is refused before it is parsed', async ([, body, message], { api }) => {
    expect(await problemsOf(api, body as object)).toEqual([
      { path: '', message: expect.stringContaining(message) as string, code: 'limitExceeded' },
    ]);
  });

  test('900 unknown fields gets a hundred problems, and a single misspelt field gets a suggestion', async ({ api }) => {
    const problems = await problemsOf(api, { webhok: 1, ...tutorial, ...unknownFields(900) });
    expect(problems).toHaveLength(100);
    expect(problems[0]).toMatchObject({ path: '/k0', code: 'unknownField' });
    const [misspelt] = await problemsOf(api, { ...tutorial, webhok: 1 });
    expect(misspelt?.message).toContain('did you mean "webhook"?');
  });

  test('9,000 wrong layers gets only the problem of the limit of layers', async ({ api }) => {
    const problems = await problemsOf(api, { ...tutorial, model: { layers: Array.from({ length: 9_000 }, () => ({ type: 'conv9d' })) } });
    expect(problems).toEqual([{ path: '/model/layers', message: '9000 layers are over the limit of 1000', code: 'limitExceeded' }]);
  });

  test.for<[string, Json, string]>([
    ['a text', 'x'.repeat(900_000), '"xxx'],
    ['a list', Array.from({ length: 9_000 }, () => [1]), '[[1],[1],'],
    ['an object', { a: 'y'.repeat(900_000) }, '{"a":"yyy'],
  ])('%s that is very long is quoted only by its beginning', async ([, value, beginning], { api }) => {
    const [problem] = await problemsOf(api, { ...tutorial, epochs: value });
    expect(problem).toMatchObject({ path: '/epochs', code: 'invalidType' });
    expect(problem?.message).toContain(`got ${beginning}`);
    expect(problem?.message.length).toBeLessThan(120);
  });

  test('a key that is very long is quoted only by its beginning', async ({ api }) => {
    const [problem] = await problemsOf(api, { ...tutorial, ['k'.repeat(900_000)]: 1 });
    expect(problem?.path).toBe(`/${'k'.repeat(97)}…`);
    expect(problem?.message.length).toBeLessThan(500);
  });
});

test('a key that an object has twice is refused at any depth, but equal keys in different objects are allowed', async ({ api }) => {
  for (const twice of ['{"a":1,"b":{"a":2},"a":3}', '{"b":[{"a":1},{"a":1,"a":2}]}', '{"a":{"b":{"a":1,"c":2,"a":3}}}']) {
    const response = await postText(api, '/jobs', twice);
    expect([response.statusCode, response.json<Problem>().detail]).toEqual([400, expect.stringContaining('"a" twice')]);
  }
  const once = await postText(api, '/jobs', '{"a":{"a":[{"a":1},{"a":1}]},"b":{"a":1}}');
  expect(once.statusCode).toBe(422);
});

test('a huge batch and a huge dataset are refused at once', async ({ api }) => {
  const model = { layers: [{ type: 'batchNorm1d' }, { type: 'linear', outFeatures: 2 }] };
  const data = { dataset: 'random', inputShape: [2], targetShape: [2] };
  for (const [samples, batchSize, remedy] of [
    [1, 9e15, 'at least 2 training samples'],
    [9e15, 1, 'use 2'],
  ] as const) {
    const problems = await problemsOf(api, { ...tutorial, model, data: { ...data, samples, batchSize } });
    expect(problems[0]).toMatchObject({ path: '/data/batchSize', message: expect.stringContaining(remedy) as string });
  }
});

test('a prediction may have as many numbers as fit into a body, but its lists and objects are limited', async ({ api }) => {
  const { jobId } = await startJob(api.jobs);
  const url = `/jobs/${jobId}/predict`;
  const [shape] = await problemsOf(api, { inputs: [Array.from({ length: 400_000 }, () => 0)] }, url);
  expect(shape).toMatchObject({ path: '/inputs/0', code: 'shapeMismatch' });
  for (const [element, message] of [
    [[], 'has more than 100000 lists'],
    [{}, 'has more than 1000 objects'],
  ] as const) {
    const [problem] = await problemsOf(api, { inputs: Array.from({ length: 150_000 }, () => element) }, url);
    expect(problem).toEqual({ path: '', message, code: 'limitExceeded' });
  }
});
