// Making, listing and showing jobs over HTTP, on a real Redis. No worker: what one writes is written here.
import { dryRunAnswer, type Job, jobPage, jobSchema, type Problem } from '@trainyard/contracts';
import { checkSpec } from '@trainyard/engine/spec';
import { parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, result } from '../support/jobs.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

const unknownJob = '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';

async function create(api: TestApi, body: unknown = tutorial): Promise<Job> {
  const response = await api.post('/jobs', body);
  expect(response.statusCode).toBe(202);
  return jobSchema.parse(response.json());
}

describe('POST /jobs', () => {
  test('answers 202 with the queued job, its defaults filled in, and where it is', async ({ api }) => {
    const response = await api.post('/jobs', tutorial);
    expect(response.statusCode).toBe(202);
    const job = jobSchema.parse(response.json());
    expect(response.headers['location']).toBe(`/jobs/${job.id}`);
    expect(job).toMatchObject({ name: 'tutorial', status: 'queued', queuePosition: 1, attempts: 0, result: null, error: null });
    expect(job.spec).toMatchObject({ seed: 0, data: { batchSize: 64, shuffle: true }, optimizer: { type: 'sgd', momentum: 0 } });
    expect((await api.get(`/jobs/${job.id}`)).json()).toEqual(job);
  });

  test('draws a seed when none is given, and returns it', async ({ api }) => {
    const { seed: _seed, ...seedless } = tutorial;
    const job = await create(api, seedless);
    expect(job.spec.seed).toSatisfy((seed: unknown) => Number.isInteger(seed));
  });

  test('shows the threads that a job is to have: its own, or what the service is set to', async ({ api, redis }) => {
    expect((await create(api)).spec.threads).toBe(1);
    const busy = await openApi(redis, { threads: 2 });
    try {
      expect((await create(busy)).spec.threads).toBe(2);
      expect((await create(busy, { ...tutorial, threads: 3 })).spec.threads).toBe(3);
    } finally {
      await busy.close();
    }
  });

  test('puts the job where a worker finds it', async ({ api }) => {
    const { id } = await create(api);
    const attempt = await claim(api.jobs, id);
    expect(attempt.number).toBe(1);
    expect((await api.get(`/jobs/${id}`)).json()).toMatchObject({ status: 'running', worker: 'worker-1' });
  });
});

describe('POST /jobs?dryRun=true', () => {
  test('says what the job would be and queues nothing', async ({ api }) => {
    const response = await api.post('/jobs?dryRun=true', tutorial);
    expect(response.statusCode).toBe(200);
    const { layers, totals, spec, trainPy, ...rest } = dryRunAnswer.parse(response.json());
    expect(rest).toEqual({});
    expect(layers).toHaveLength(12);
    expect(layers[0]).toMatchObject({ index: 0, name: 'conv1', type: 'conv2d', outputShape: [6, 28, 28], parameters: 156 });
    expect(totals.parameters).toBe(61_706);
    expect(spec).toMatchObject({ epochs: 20, data: { batchSize: 64 } });
    expect(trainPy).toContain('("conv1", nn.Conv2d(1, 6, 5)),');
    expect(jobPage.parse((await api.get('/jobs')).json()).data).toEqual([]);
  });

  test('shows the layers that a preset stands for, which the job then holds', async ({ api }) => {
    const body = { ...tutorial, model: { preset: 'lenet5' } };
    const { layers, spec } = dryRunAnswer.parse((await api.post('/jobs?dryRun=true', body)).json());
    expect(layers).toHaveLength(12);
    expect(spec.model.layers.at(-1)).toMatchObject({ type: 'linear', outFeatures: 10 });
    expect((await create(api, body)).spec.model).toEqual(spec.model);
  });

  test('refuses what a job would be refused for', async ({ api }) => {
    const response = await api.post('/jobs?dryRun=true', { ...tutorial, epochs: 0 });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/epochs' }]);
  });
});

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'one-two-three' };

  test('gives the same job to the same body, also where its fields stand in another order', async ({ api }) => {
    const first = await api.post('/jobs', tutorial, key);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const again = await api.post('/jobs', Object.fromEntries(Object.entries(tutorial).toReversed()), key);
    expect(again.statusCode).toBe(202);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.headers['location']).toBe(first.headers['location']);
    expect(jobPage.parse((await api.get('/jobs')).json()).data).toHaveLength(1);
  });

  test('makes one job of requests that arrive at once', async ({ api }) => {
    const responses = await Promise.all(Array.from({ length: 8 }, async () => await api.post('/jobs', tutorial, key)));
    expect(new Set(responses.map((response) => response.json<Job>().id)).size).toBe(1);
  });

  test('is refused with another body', async ({ api }) => {
    await api.post('/jobs', tutorial, key);
    const other = await api.post('/jobs', { ...tutorial, epochs: 21 }, key);
    expect(other.statusCode).toBe(422);
    expect(other.json<Problem>()).toMatchObject({ code: 'idempotencyKeyReused' });
  });

  test('belongs to its caller', async ({ redis, onTestFinished }) => {
    const [ada, bob] = [makeKey('ada'), makeKey('bob')];
    const api = await openApi(redis, { apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
    onTestFinished(async () => await api.close());
    const first = await api.post('/jobs', tutorial, { ...key, ...bearer(ada) });
    const second = await api.post('/jobs', { ...tutorial, epochs: 3 }, { ...key, ...bearer(bob) });
    expect([first.statusCode, second.statusCode]).toEqual([202, 202]);
    expect(second.headers['idempotency-replayed']).toBeUndefined();
  });

  test('has at most 255 characters', async ({ api }) => {
    const response = await api.post('/jobs', tutorial, { 'idempotency-key': 'x'.repeat(256) });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: 'idempotency-key' }]);
    expect((await api.post('/jobs', tutorial, { 'idempotency-key': 'x'.repeat(255) })).statusCode).toBe(202);
  });
});

describe('GET /jobs', () => {
  test('lists the newest first', async ({ api }) => {
    const ids = [(await create(api)).id, (await create(api)).id, (await create(api)).id];
    const page = jobPage.parse((await api.get('/jobs')).json());
    expect(page.data.map((job) => job.id)).toEqual(ids.toReversed());
    expect(page.nextCursor).toBeNull();
  });

  test('gives each job exactly once page by page, while others arrive', async ({ api }) => {
    const ids: string[] = [];
    for (let count = 0; count < 7; count++) ids.push((await create(api)).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: Job[]; nextCursor: string | null } = jobPage.parse(
        (await api.get(`/jobs?limit=2${cursor === null ? '' : `&after=${cursor}`}`)).json(),
      );
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map((job) => job.id));
      cursor = page.nextCursor;
      await create(api);
    } while (cursor !== null);
    expect(seen).toEqual(ids.toReversed());
  });

  test('clamps the limit to 100', async ({ api }) => {
    const { spec } = checkSpec(tutorial);
    for (let count = 0; count < 101; count++) await api.jobs.store.record({ spec, owner: 'ada' });
    const page = jobPage.parse((await api.get('/jobs?limit=1000')).json());
    expect(page.data).toHaveLength(100);
    expect(page.nextCursor).toBe(page.data.at(-1)?.id);
    expect(jobPage.parse((await api.get(`/jobs?limit=${Number.MAX_SAFE_INTEGER}`)).json())).toEqual(page);
  });

  test('filters by status, label and time, also together, and page by page', async ({ api }) => {
    const made: Job[] = [];
    for (const team of ['a', 'b', 'a', 'b', 'a']) made.push(await create(api, { ...tutorial, labels: { team, stage: 'one' } }));
    for (const job of made.slice(0, 3)) await api.jobs.store.act('cancel', job.id);
    const listed = async (query: string): Promise<number[]> => {
      const found: number[] = [];
      let after = '';
      do {
        const page = jobPage.parse((await api.get(`/jobs?limit=2&${query}${after}`)).json());
        found.push(...page.data.map(({ id }) => made.findIndex((job) => job.id === id)));
        after = page.nextCursor === null ? '' : `&after=${page.nextCursor}`;
      } while (after !== '');
      return found;
    };
    expect(await listed('status=cancelled')).toEqual([2, 1, 0]);
    expect(await listed('status=running')).toEqual([]);
    expect(await listed('label=team:a')).toEqual([4, 2, 0]);
    expect(await listed('label=stage:one')).toEqual([4, 3, 2, 1, 0]);
    expect(await listed('label=team:c')).toEqual([]);
    expect(await listed('label=team:a&status=cancelled')).toEqual([2, 0]);
    const since = (at: number): string => `createdAfter=${encodeURIComponent(made[at]?.createdAt ?? '')}`;
    const until = (at: number): string => `createdBefore=${encodeURIComponent(made[at]?.createdAt ?? '')}`;
    const times = made.map(({ createdAt }) => createdAt);
    const numbers = made.map((_, at) => at).toReversed();
    expect(await listed(since(1))).toEqual(numbers.filter((at) => (times[at] ?? '') > (times[1] ?? '')));
    expect(await listed(until(3))).toEqual(numbers.filter((at) => (times[at] ?? '') < (times[3] ?? '')));
    expect(await listed(`${since(0)}&${until(4)}&status=cancelled`)).toEqual(
      [2, 1, 0].filter((at) => (times[at] ?? '') > (times[0] ?? '') && (times[at] ?? '') < (times[4] ?? '')),
    );
    expect(await listed('createdAfter=2020-01-01T02:00:00%2B02:00')).toEqual(numbers);
    expect(await listed('createdBefore=1969-12-31T00:00:00Z')).toEqual([]);
    expect(await listed('createdAfter=9999-12-31T23:59:59Z')).toEqual([]);
  });

  test.for([
    ['?limit=0', '?limit', /at least 1/],
    ['?limit=9007199254740992', '?limit', /at most 9007199254740991/],
    ['?limit=many', '?limit', /"many"/],
    ['?limit=1&limit=2', '?limit', /number/],
    ['?limit=1e1', '?limit', /number/],
    ['?after=yesterday', '?after', /./],
    ['?afer=x', '?afer', /did you mean "after"/],
    ['?status=quued', '?status', /"queued"/],
    ['?label=team', '?label', /key and a value/],
    ['?label=team:a&label=team:b', '?label', /string/],
    ['?createdAfter=yesterday', '?createdAfter', /RFC 3339/],
    ['?createdBefore=2026-11-25', '?createdBefore', /RFC 3339/],
  ] as const)('refuses %s and names it', async ([query, path, message], { api }) => {
    const response = await api.get(`/jobs${query}`);
    expect(response.statusCode).toBe(422);
    const { code, errors } = response.json<Problem>();
    expect(code).toBe('invalidRequest');
    expect(errors).toMatchObject([{ path }]);
    expect(errors?.[0]?.message).toMatch(message);
  });
});

describe('GET /jobs/{id}', () => {
  test('shows a finished job with its result', async ({ api }) => {
    const { id } = await create(api);
    const attempt = await claim(api.jobs, id);
    await attempt.finish({ status: 'succeeded', result });
    expect(jobSchema.parse((await api.get(`/jobs/${id}`)).json())).toMatchObject({
      status: 'succeeded',
      result,
      phase: null,
      queuePosition: null,
    });
  });

  test('shows a job whose stored spec is older than what a spec has today', async ({ api, redis }) => {
    const { id } = await create(api);
    const old = { epochs: 3, data: { dataset: 'gone' } };
    await redis.connect().hset(redisKeys(redis.prefix).job(id), 'spec', JSON.stringify(old));
    expect((await api.get(`/jobs/${id}`)).json()).toMatchObject({ id, spec: old });
    expect((await api.get('/jobs')).json()).toMatchObject({ data: [{ id, spec: old }] });
  });

  test.for([unknownJob, '/jobs/job_1', '/jobs/..%2Fjobs', '/jobs/%00', '/jobs/%zz', `/jobs/${'x'.repeat(300)}`, '/jobs/{id}', '/jobs/'])(
    'answers 404 for %s',
    async (url, { api }) => {
      const response = await api.get(url);
      expect(response.statusCode).toBe(404);
      expect(response.json<Problem>()).toMatchObject({ status: 404, code: 'notFound' });
    },
  );
});
