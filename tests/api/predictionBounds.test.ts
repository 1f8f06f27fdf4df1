// Predictions have limits of memory, time and places, and no key can use up the places of the others.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { prediction, type Problem } from '@trainyard/contracts';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { peakMemoryOf } from '../support/peakMemory.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import type { TestApi } from './fixtures/api.ts';
import { bearer, type TestKey } from './fixtures/keys.ts';
import { predictableJob, specOn } from './fixtures/predictionJobs.ts';
import {
  asAda,
  asBob,
  canWatchProcesses,
  keys,
  openPredicting,
  predictors,
  sample,
  slow,
  slowBody,
  small,
  smallBody,
} from './fixtures/predictionService.ts';

/** Sends a request, and closes the connection one turn of the event loop later. */
async function sendAndLeave(url: string, path: string, body: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${keys.ada.token}`, 'content-type: application/json'];
  socket.write(`${head.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`);
  socket.write(body);
  await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
}

describe('clients that disconnect', () => {
  redisTest('give their places back, and do not delay predictions of another key', async ({ redis, onTestFinished }) => {
    const memoryBytes = 400e6;
    const api = await openPredicting(redis, { predictions: { memoryBytes, waitingPerKey: 4 } }, onTestFinished);
    const [slowPath, smallPath] = [await predictableJob(api, slow), await predictableJob(api, small)];
    const url = await api.listen();
    const body = JSON.stringify(slowBody);
    expect(body.length).toBeGreaterThan(600_000);
    await Promise.all(Array.from({ length: 30 }, async () => await sendAndLeave(url, slowPath, body)));
    expect((await asBob(api, smallPath, smallBody)).statusCode).toBe(200);
    // Six requests fill all places of the key: two are served or prepared, and four wait.
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, async () => await asAda(api, smallPath, smallBody)));
      return answers.every(({ statusCode }) => statusCode === 200);
    }, 'all places of the key are free');
    if (canWatchProcesses) for (const pid of predictors()) expect(peakMemoryOf(pid)).toBeLessThan(memoryBytes);
  });

  redisTest.skipIf(!canWatchProcesses)('stop the computation of their predictions', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { processes: 1 } }, onTestFinished);
    const endless = specOn([1, 64, 64], 2, [
      ...Array.from({ length: 60 }, () => ({ type: 'conv2d', outChannels: 64, kernelSize: 3, padding: 1 })),
      { type: 'adaptiveAvgPool2d', outputSize: 1 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 2 },
    ]);
    const [endlessPath, smallPath] = [await predictableJob(api, endless), await predictableJob(api, small)];
    const url = await api.listen();
    const input = [Array.from({ length: 64 }, () => Array.from({ length: 64 }, () => 0))];
    const leave = new AbortController();
    const left = fetch(`${url}${endlessPath}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(keys.ada) },
      body: JSON.stringify({ inputs: Array.from({ length: 100 }, () => input) }),
      signal: leave.signal,
    });
    await until(() => predictors().some((pid) => cpuTicks(pid) > 100), 'the prediction is computed');
    const [pid] = predictors();
    leave.abort();
    await expect(left).rejects.toThrow();
    // The first prediction would take more than a minute.
    expect((await asAda(api, smallPath, smallBody)).statusCode).toBe(200);
    expect(predictors()).not.toContain(pid);
  });
});

describe('a prediction over the limits', () => {
  redisTest(
    'is a 422 that says how many samples fit, and a prediction of this many samples succeeds',
    async ({ redis, onTestFinished }) => {
      const api = await openPredicting(redis, { predictions: { memoryBytes: 200e6 } }, onTestFinished);
      const wide = specOn([1, 8, 8], 2, [
        { type: 'conv2d', outChannels: 2_000, kernelSize: 3, padding: 1 },
        { type: 'relu' },
        { type: 'adaptiveAvgPool2d', outputSize: 1 },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 2 },
      ]);
      const path = await predictableJob(api, wide);
      const input = [Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => 0.5))];
      const refused = await asAda(api, path, { inputs: Array.from({ length: 256 }, () => input) });
      expect(refused.statusCode).toBe(422);
      const { detail, errors } = refused.json<Problem>();
      const [, most] =
        /needs about \d+ bytes of memory, but at most 200000000 are allowed: send at most (\d+) inputs at a time/.exec(detail) ?? [];
      expect([Number(most) > 1, errors?.[0]?.code]).toEqual([true, 'limitExceeded']);
      if (canWatchProcesses) expect(predictors()).toEqual([]);
      const fitting = await asAda(api, path, { inputs: Array.from({ length: Number(most) }, () => input) });
      expect(prediction.parse(fitting.json()).outputs).toHaveLength(Number(most));
    },
  );

  redisTest('is a 422 that says so if the network alone is too large', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { memoryBytes: 150e6 } }, onTestFinished);
    const path = await predictableJob(api, specOn([2_000], 2_000, [{ type: 'linear', outFeatures: 2_000 }]));
    const { statusCode, ...answer } = await asAda(api, path, { inputs: [Array.from({ length: 2_000 }, () => 0)] });
    expect(statusCode).toBe(422);
    expect(answer.json<Problem>().detail).toMatch(/the network is too large to predict here, so download model.safetensors/);
  });

  redisTest(
    'is refused before it is computed if its feature maps or its outputs have too many numbers',
    async ({ redis, onTestFinished }) => {
      const api = await openPredicting(redis, {}, onTestFinished);
      const path = await predictableJob(api, slow);
      const maps = await asAda(api, `${path}?activations=true`, { inputs: slowBody.inputs.slice(0, 20) });
      expect([maps.statusCode, maps.json<Problem>().detail]).toEqual([
        422,
        'the feature maps have 2949160 numbers, but a response may have at most 1000000: send at most 6 inputs at a time.',
      ]);
      const many = await predictableJob(api, specOn([1], 10_000, [{ type: 'linear', outFeatures: 10_000 }]));
      const outputs = await asAda(api, many, { inputs: Array.from({ length: 256 }, () => [1]) });
      expect([outputs.statusCode, outputs.json<Problem>().detail]).toEqual([
        422,
        'the outputs have 2560000 numbers, but a response may have at most 2000000: send at most 200 inputs at a time.',
      ]);
      if (canWatchProcesses) expect(predictors()).toEqual([]);
    },
  );

  redisTest('of a single input is never answered with the advice to send fewer inputs', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, {}, onTestFinished);
    // 17 feature maps of 64 × 64 for each of 16 channels have 1,114,112 numbers.
    const deep = specOn([1, 64, 64], 2, [
      ...Array.from({ length: 17 }, () => ({ type: 'conv2d', outChannels: 16, kernelSize: 1 })),
      { type: 'adaptiveAvgPool2d', outputSize: 1 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 2 },
    ]);
    const path = await predictableJob(api, deep);
    const inputs = [[Array.from({ length: 64 }, () => Array.from({ length: 64 }, () => 0.5))]];
    const maps = await asAda(api, `${path}?activations=true`, { inputs });
    expect(maps.statusCode).toBe(422);
    expect(maps.json<Problem>().errors).toEqual([
      {
        path: '?activations',
        message: expect.stringMatching(/^the feature maps have \d+ numbers, .*: omit \?activations=true$/) as string,
        code: 'limitExceeded',
      },
    ]);
    expect((await asAda(api, path, { inputs })).statusCode).toBe(200);
  });

  redisTest('allocates no memory for samples that do not have the large shape of the network', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, {}, onTestFinished);
    const path = await predictableJob(
      api,
      specOn([4, 4_000, 4_000], 2, [{ type: 'adaptiveAvgPool2d', outputSize: 1 }, { type: 'flatten' }, { type: 'linear', outFeatures: 2 }]),
    );
    for (const input of [0, [], [[], [], [], []]]) {
      const before = process.memoryUsage().arrayBuffers;
      const refused = await asAda(api, path, { inputs: Array.from({ length: 256 }, () => input) });
      expect(refused.statusCode).toBe(422);
      expect(refused.json<Problem>().errors?.[0]?.path).toMatch(/^\/inputs\/0/);
      // 256 samples of this shape would need 65 GB.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64e6);
    }
  });
});

describe.skipIf(!canWatchProcesses)('a response that takes more memory or time than allowed', () => {
  const calls = [
    ['filters', '?layer', /request another layer, or download model\.safetensors/],
    ['several samples of a dataset', '?limit', /request fewer samples/],
    ['one sample of a dataset', '', /download the dataset/],
  ] as const;
  const call = async (api: TestApi, what: (typeof calls)[number][0], type: string): Promise<LightMyRequestResponse> => {
    const filters = (await predictableJob(api, slow)).replace(/predict$/, 'filters');
    const limit = what === 'one sample of a dataset' ? 1 : 2;
    return await api.get(what === 'filters' ? filters : `/datasets/digits/samples?limit=${limit}`, { ...bearer(keys.ada), accept: type });
  };

  redisTest.for(calls)('is an error with a remedy for %s', async ([what, path, remedy], { redis, onTestFinished }) => {
    // A process needs more than 10 MB before it takes an order.
    const little = await openPredicting(redis, { predictions: { memoryBytes: 10e6 } }, onTestFinished);
    for (const type of ['application/json', 'image/png']) {
      const response = await call(little, what, type);
      const { detail, errors } = response.json<Problem>();
      expect([response.statusCode, errors?.map((error) => [error.path, error.code])]).toEqual([422, [[path, 'limitExceeded']]]);
      expect(detail).toMatch(/^the computation of the response needs more than 10000000 bytes of memory: /);
      expect(detail).toMatch(remedy);
    }
    await little.close();
    const hasty = await openPredicting(redis, { predictions: { timeLimitMs: 0 } }, onTestFinished);
    let late = await call(hasty, what, 'application/json');
    // On a busy machine, the response may arrive together with the end of its time.
    while (late.statusCode === 200) late = await call(hasty, what, 'application/json');
    expect([late.statusCode, late.headers['retry-after']]).toEqual([503, '5']);
    expect(late.json<Problem>().detail).toMatch(remedy);
    expect(late.json<Problem>().detail).toMatch(/took longer than 0 s: .*, or try again later\.$/);
  });
});

describe('keys', () => {
  redisTest('take turns, and each has a limit of waiting requests', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { processes: 1, waitingPerKey: 3 } }, onTestFinished);
    const path = await predictableJob(api, slow);
    const order: string[] = [];
    const noted = async (name: string, answer: Promise<LightMyRequestResponse>): Promise<LightMyRequestResponse> => {
      const response = await answer;
      order.push(`${name} ${response.statusCode}`);
      return response;
    };
    const ofAda = Array.from({ length: 8 }, async () => await noted('ada', asAda(api, path, slowBody)));
    const ofBob = noted('bob', asBob(api, path, slowBody));
    const answers = await Promise.all(ofAda);
    await ofBob;
    expect(order.toSorted()).toEqual([...Array<string>(5).fill('ada 200'), ...Array<string>(3).fill('ada 429'), 'bob 200']);
    // Bob's request waited for the one in progress and at most one more.
    expect(order.filter((entry) => entry.endsWith('200')).indexOf('bob 200')).toBeLessThanOrEqual(2);
    const refused = answers.find(({ statusCode }) => statusCode === 429);
    expect(refused?.headers['retry-after']).toBe('5');
    expect(refused?.json<Problem>()).toMatchObject({
      code: 'tooManyRequests',
      detail: expect.stringMatching(/of this key are waiting/) as string,
    });
  });

  redisTest('get a 503 with retry-after if they wait too long for their turn', async ({ redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { processes: 1, waitLimitMs: 1 } }, onTestFinished);
    const path = await predictableJob(api, slow);
    const answers = await Promise.all(Array.from({ length: 4 }, async () => await asAda(api, path, slowBody)));
    const late = answers.filter(({ statusCode }) => statusCode === 503);
    expect(late.map(({ headers }) => headers['retry-after'])).toEqual(['5', '5']);
  });
});

redisTest.for(['filters', 'predict'] as const)(
  'requests to %s of one key share its places, and another key gets a response',
  async (what, { redis, onTestFinished }) => {
    const api = await openPredicting(redis, { predictions: { processes: 1, waitingPerKey: 1 } }, onTestFinished);
    const path = (await predictableJob(api, slow)).replace(/predict$/, what);
    const call = async (key: Pick<TestKey, 'token'>): Promise<LightMyRequestResponse> =>
      what === 'filters' ? await api.get(path, bearer(key)) : await api.post(path, { inputs: [sample] }, bearer(key));
    const ofAda = Array.from({ length: 6 }, async () => await call(keys.ada));
    const ofBob = await call(keys.bob);
    expect((await Promise.all(ofAda)).map(({ statusCode }) => String(statusCode)).toSorted()).toEqual([
      '200',
      '200',
      '200',
      '429',
      '429',
      '429',
    ]);
    expect(ofBob.statusCode).toBe(200);
  },
);

redisTest('samples of a dataset are rendered by the processes that predict, and share their places', async ({ redis, onTestFinished }) => {
  const api = await openPredicting(redis, { predictions: { processes: 1, waitingPerKey: 1 } }, onTestFinished);
  const calls = Array.from({ length: 5 }, async () => await api.get('/datasets/digits/samples?limit=100', bearer(keys.ada)));
  expect((await Promise.all(calls)).map(({ statusCode }) => String(statusCode)).toSorted()).toEqual(['200', '200', '200', '429', '429']);
  if (canWatchProcesses) expect(predictors()).toHaveLength(1);
});

/** Returns the CPU time that a process has used in user mode, in hundredths of a second. */
const cpuTicks = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[13]);
