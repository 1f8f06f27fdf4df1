// Tests sweeps of large specs: how much memory of Redis they use, and which are refused. Planning a sweep must not delay other requests.
import type { Job, JobPage, Problem, Sweep, SweepPage } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine/spec';
import { parseApiKeys, redisKeys, Retention, SweepStore, withValues } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { spec as smallSpec } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { apiTest as test, openApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';
import { getSweep, gridOf, makeSweep, refusalOf, trainAs } from './fixtures/sweeps.ts';

const entries = [makeKey('ada'), makeKey('bob')] as const;
const [ada, bob] = [bearer(entries[0]), bearer(entries[1])];
const apiKeys = parseApiKeys(entries.map(({ entry }) => entry).join(','));

/** Builds a spec with `layers` linear layers and an output layer. Checking it takes a few milliseconds. */
const deep = (layers: number) => ({
  ...tutorial,
  data: { ...tutorial.data, inputShape: [4], targetShape: [2] },
  model: {
    layers: [
      ...Array.from({ length: layers }, (_, index) => ({ type: 'linear', outFeatures: 4, name: `layer-${index}` })),
      { type: 'linear', outFeatures: 2 },
    ],
  },
});
const rates = (count: number): { '/optimizer/learningRate': { type: 'choice'; values: number[] } } => ({
  '/optimizer/learningRate': { type: 'choice', values: Array.from({ length: count }, (_, index) => 1 / (index + 1)) },
});
const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** Returns the bytes of the records of a sweep in Redis. */
async function storedBytes(redis: TestRedis, id: string): Promise<number> {
  const keys = redisKeys(redis.prefix);
  const connection = redis.connect();
  const hashes = await Promise.all([keys.sweep(id), keys.sweepTrials(id)].map(async (key) => await connection.hgetall(key)));
  return sizeOf(hashes);
}

describe('the specs of a sweep', () => {
  test('are stored once, with the changes of each trial', async ({ api, redis }) => {
    const few = await makeSweep(api, gridOf({ spec: deep(200), space: rates(2) }));
    const many = await makeSweep(api, gridOf({ spec: deep(200), space: rates(20) }));
    const specBytes = sizeOf(many.spec);
    expect(await storedBytes(redis, few.id)).toBeLessThan(2 * specBytes);
    expect((await storedBytes(redis, many.id)) - (await storedBytes(redis, few.id))).toBeLessThan(specBytes);
    const jobs = await Promise.all(many.trials.map(async ({ job }) => (await api.get(`/jobs/${job}`)).json<Job>()));
    for (const { spec } of jobs) expect({ ...spec, optimizer: null }).toEqual({ ...many.spec, optimizer: null });
    expect(jobs.map(({ spec }) => spec.optimizer)).toEqual(
      many.trials.map(({ values }) => expect.objectContaining({ learningRate: values['/optimizer/learningRate'] }) as unknown),
    );
  });

  redisTest('have a common limit of bytes, and the refusal says how many jobs fit', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { sweepBytesLimit: 20_000 });
    onTestFinished(async () => await api.close());
    const [refusal = ''] = await refusalOf(api, gridOf({ spec: deep(20), space: rates(20) }));
    expect(refusal).toMatch(
      /^\/spec: 20 jobs have \d+ bytes of specs and values, over the limit of 20000 for a sweep: use at most \d+ jobs/,
    );
    const fitting = Number(/at most (\d+)/.exec(refusal)?.[1]);
    expect(fitting).toBeGreaterThan(1);
    const { trials } = await makeSweep(api, gridOf({ spec: deep(20), space: rates(fitting - 1) }));
    expect(trials).toHaveLength(fitting - 1);
  });

  redisTest('count with the values of their jobs', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { sweepBytesLimit: 20_000 });
    onTestFinished(async () => await api.close());
    const values = Array.from({ length: 10 }, (_, index) => deep(20 + index).model.layers);
    expect(await refusalOf(api, gridOf({ spec: deep(0), space: { '/model/layers': { type: 'choice', values } } }))).toEqual([
      expect.stringMatching(/^\/spec: \d+ jobs have \d+ bytes/) as unknown,
    ]);
  });

  test('have problems that quote only the beginning of a long value', async ({ api }) => {
    const values = [deep(100).model.layers, [{ type: 'relu', negativeSlope: 'x'.repeat(100_000) }]];
    const [problem = ''] = await refusalOf(api, gridOf({ spec: deep(0), space: { '/model/layers': { type: 'choice', values } } }));
    expect(problem).toMatch(/^\/space\/~1model~1layers: \[\{"type":"relu"/);
    expect(problem.length).toBeLessThan(1_000);
  });
});

describe('planning a sweep', () => {
  /** A sweep that takes long to plan. Its last trial is invalid, so the response arrives when planning ends and no job is created. */
  const slow = gridOf({
    spec: deep(300),
    space: { '/optimizer/learningRate': { type: 'choice', values: [...rates(39)['/optimizer/learningRate'].values, -1] } },
    maxJobs: 40,
  });

  test('does not block other requests', async ({ api }) => {
    let isPlanned = false;
    const refused = api.post('/sweeps', slow).then(({ statusCode }) => {
      isPlanned = true;
      return statusCode;
    });
    for (let count = 0; count < 3; count++) {
      expect((await api.get('/jobs')).statusCode).toBe(200);
      expect(isPlanned).toBe(false);
    }
    expect(await refused).toBe(422);
  });

  redisTest('waits for other sweeps of the same key, but not for those of another key', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { apiKeys });
    onTestFinished(async () => await api.close());
    const finished: string[] = [];
    const plan = async (name: string, key: Record<string, string>, body: object): Promise<number> => {
      const { statusCode } = await api.post('/sweeps', body, key);
      if (statusCode !== 429) finished.push(name);
      return statusCode;
    };
    const hers = Array.from({ length: 12 }, async () => await plan('ada', ada, slow));
    expect(await plan('bob', bob, gridOf())).toBe(202);
    expect(finished.length).toBeLessThan(6);
    const statuses = await Promise.all(hers);
    expect(statuses.filter((status) => status === 422)).toHaveLength(9);
    expect(statuses.filter((status) => status === 429)).toHaveLength(3);
  });
});

redisTest("another key's sweep or job is not read before it is refused", async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { apiKeys });
  onTestFinished(async () => await api.close());
  const { id, trials } = (await api.post('/sweeps', gridOf(), ada)).json<Sweep>();
  const job = trials[0]?.job ?? '';
  const keys = redisKeys(redis.prefix);
  // Damages the records, so that every request that reads them fails.
  await redis.connect().hset(keys.sweep(id), 'head', '{');
  await redis.connect().hset(keys.job(job), 'spec', '{');
  for (const url of [`/sweeps/${id}`, `/jobs/${job}`]) {
    expect((await api.get(url, ada)).statusCode).toBe(500);
    expect((await api.get(url, bob)).statusCode).toBe(404);
  }
});

describe('a record of version 0.1.0, which has a whole spec for each trial,', () => {
  /** Replaces the record of a sweep by one of version 0.1.0. @param isMade whether it names the jobs that were created */
  async function writeFormer(redis: TestRedis, { id, spec, trials: made }: Sweep, isMade: boolean): Promise<void> {
    const connection = redis.connect();
    const keys = redisKeys(redis.prefix);
    const record = await connection.hgetall(keys.sweep(id));
    const trials = made.map(({ values }) => ({ values, spec: withValues(spec, values) }));
    await connection.del(keys.sweep(id), keys.sweepTrials(id));
    const { head = '', epochs: _epochs, storedBytes: _bytes, ...rest } = record;
    const kept = Object.entries(rest).filter(([name]) => isMade || !name.startsWith('job:'));
    const plan = { ...(JSON.parse(head) as object), spec };
    await connection.hset(keys.sweep(id), ...kept.flat(), 'plan', JSON.stringify(plan), 'trials', JSON.stringify(trials));
  }

  test('is shown unchanged, also in lists', async ({ api, redis }) => {
    const sweep = await makeSweep(api, gridOf());
    await writeFormer(redis, sweep, true);
    const { planned: _planned, trials: _trials, ...summary } = sweep;
    expect((await api.get('/sweeps')).json<SweepPage>().data).toEqual([summary]);
    expect(await getSweep(api, sweep.id)).toEqual(sweep);
    expect((await api.get('/sweeps')).json<SweepPage>().data).toEqual([summary]);
    expect(await redis.connect().hexists(redisKeys(redis.prefix).sweep(sweep.id), 'trials')).toBe(0);
  });

  test('is continued to its end', async ({ api, redis }) => {
    const sweep = await makeSweep(api, gridOf());
    const specs = await Promise.all(sweep.trials.map(async ({ job }) => (await api.get(`/jobs/${job}`)).json<Job>().spec));
    for (const { job } of sweep.trials) {
      await api.post(`/jobs/${job}/cancel`, {});
      await api.jobs.store.delete(job);
    }
    await writeFormer(redis, sweep, false);
    await api.sweepRunner.reconcile();
    const { trials } = await getSweep(api, sweep.id);
    const made = await Promise.all(trials.map(async ({ job }) => (await api.get(`/jobs/${job}`)).json<Job>().spec));
    expect(made).toEqual(specs);
    for (const { job } of trials) await trainAs(api, job, [0.5]);
    await api.sweepRunner.reconcile();
    expect((await getSweep(api, sweep.id)).status).toBe('succeeded');
  });
});

describe('deleting a sweep', () => {
  const remove = (id: string) => ({ method: 'DELETE' as const, url: `/sweeps/${id}` });

  test('is possible after its end, and keeps its jobs', async ({ api, redis }) => {
    const { id, trials } = await makeSweep(api, gridOf({ space: rates(2) }));
    expect((await api.call(remove(id))).json<Problem>()).toMatchObject({ status: 409, code: 'wrongState' });
    for (const { job } of trials) await trainAs(api, job, [0.5]);
    await api.sweepRunner.reconcile();
    expect((await api.call(remove(id))).statusCode).toBe(204);
    expect([(await api.get(`/sweeps/${id}`)).statusCode, (await api.call(remove(id))).statusCode]).toEqual([404, 404]);
    expect((await api.get('/sweeps')).json<SweepPage>().data).toEqual([]);
    expect((await api.get(`/jobs/${trials[0]?.job}`)).json<Job>().status).toBe('succeeded');
    // A late write of another process does not create the record again.
    const store = new SweepStore({ redis: redis.connect(), prefix: redis.prefix });
    await store.setJob(id, 0, 0, trials[0]?.job ?? '');
    await store.requestCancel(id);
    const keys = redisKeys(redis.prefix);
    expect(await redis.connect().exists(keys.sweep(id), keys.sweepTrials(id))).toBe(0);
  });

  test('is also done by retention if the sweep ended long enough ago', async ({ api, redis }) => {
    const ended = await makeSweep(api, gridOf({ space: rates(1) }));
    await trainAs(api, ended.trials[0]?.job ?? '', [0.5]);
    await api.sweepRunner.reconcile();
    const running = await makeSweep(api, gridOf({ space: rates(1) }));
    const base = { redis: redis.connect(), prefix: redis.prefix, jobs: api.jobs.store, reservedFiles: api.reservedFiles };
    const retention = new Retention({ ...base, limits: { days: 1, jobs: null } });
    await retention.sweep();
    expect((await api.get('/sweeps')).json<SweepPage>().data).toHaveLength(2);
    await retention.sweep(Date.now() + 2 * 86_400_000);
    expect((await api.get('/sweeps')).json<SweepPage>().data.map(({ id }) => id)).toEqual([running.id]);
  });
});

test('a page of large jobs or sweeps is shorter than its limit, and its cursor leads to the rest', async ({ api, redis }) => {
  const spec: JobSpec = { ...smallSpec, name: 'x'.repeat(600_000) };
  const ids: string[] = [];
  for (let count = 0; count < 5; count++) ids.unshift((await api.jobs.store.create({ spec, owner: 'local' })).job.id);
  const first = (await api.get('/jobs?limit=100')).json<JobPage>();
  expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 3));
  const second = (await api.get(`/jobs?limit=100&after=${first.nextCursor}`)).json<JobPage>();
  expect([second.data.map(({ id }) => id), second.nextCursor]).toEqual([ids.slice(3), null]);

  const store = new SweepStore({ redis: redis.connect(), prefix: redis.prefix });
  const plan = { owner: 'local', name: null, labels: {}, space: rates(1), strategy: { type: 'grid' }, metric: 'trainLoss' } as const;
  const sweeps: string[] = [];
  for (let count = 0; count < 4; count++) sweeps.unshift((await store.create({ ...plan, spec, goal: 'minimize', seed: 0, trials: [] })).id);
  const page = (await api.get('/sweeps')).json<SweepPage>();
  expect([page.data.map(({ id }) => id), page.nextCursor]).toEqual([sweeps.slice(0, 3), sweeps[2]]);
});
