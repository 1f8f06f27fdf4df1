// What each key may have: jobs that have not ended, parameters and epochs of one, bytes stored, seconds trained in a day. Held by the
// real app over Redis, also by two of them at once; admins, and everybody where there are no keys, have no quotas.
import type { Dataset, Job, Problem, Sweep, Weights } from '@trainyard/contracts';
import { buildModel, describeData, encodeWeights, Generator } from '@trainyard/engine';
import { type JobAttempt, noQuotas, parseApiKeys, type Quotas, redisKeys, Retention } from '@trainyard/jobs';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { claim, metricsOf, result, spec } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { openApi, type TestApi } from './fixtures/api.ts';
import { formParts, table, upload } from './fixtures/forms.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const entries = { ada: makeKey('ada'), bob: makeKey('bob'), root: makeKey('root', 'admin') };
const apiKeys = parseApiKeys(
  Object.values(entries)
    .map(({ entry }) => entry)
    .join(','),
);
const [ada, bob, root] = [bearer(entries.ada), bearer(entries.bob), bearer(entries.root)];

/** Opens apps, each as a process of its own has it. */
const test = redisTest.extend('open', ({ redis }, { onCleanup }) => {
  const opened: TestApi[] = [];
  onCleanup(async () => void (await Promise.all(opened.map(async (api) => await api.close()))));
  return async (quotas: Partial<Quotas>): Promise<TestApi> => {
    const api = await openApi(redis, { apiKeys, quotas: { ...noQuotas, ...quotas } });
    opened.push(api);
    return api;
  };
});

interface Shown {
  readonly queuedJobs: { readonly limit: number | null; readonly used: number };
  readonly storageBytes: { readonly limit: number | null; readonly used: number };
  readonly trainingSeconds: { readonly limit: number | null; readonly used: number; readonly secondsUntilReset: number };
}

const shown = async (api: TestApi, key = ada): Promise<Shown> => (await api.get('/quotas', key)).json<Shown>();
const post = async (api: TestApi, key = ada, more: object = {}) => await api.post('/jobs', { ...spec, ...more }, key);

async function make(api: TestApi, key = ada, more: object = {}): Promise<Job> {
  const response = await post(api, key, more);
  expect(response.statusCode, response.body).toBe(202);
  return response.json<Job>();
}

function expectRefused(response: LightMyRequestResponse, status: 413 | 429, ...said: readonly string[]): void {
  expect(response.statusCode, response.body).toBe(status);
  const { code, detail } = response.json<Problem>();
  expect(code).toBe(status === 413 ? 'storageQuotaExceeded' : 'quotaExceeded');
  for (const words of said) expect(detail).toContain(words);
  if (status === 429) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
}

const statuses = (responses: readonly LightMyRequestResponse[]): number[] =>
  responses.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b);

/** A job of ada's that a worker has taken and kept a checkpoint of. */
async function started(api: TestApi, checkpointBytes = 100): Promise<JobAttempt> {
  const { id } = await make(api);
  const attempt = await claim(api.jobs, id);
  await attempt.appendEpoch(metricsOf(1));
  const file = 'checkpoint-1-1.safetensors';
  await api.artifacts.putBytes(id, file, Buffer.alloc(checkpointBytes));
  await attempt.storeCheckpoint({ epoch: 1, step: 0, bytes: checkpointBytes }, file);
  return attempt;
}

describe('of jobs that have not ended', () => {
  test('refuses one too many with 429, and takes it when another has ended', async ({ open }) => {
    const api = await open({ queuedJobs: 2 });
    const first = await make(api);
    const attempt = await claim(api.jobs, first.id);
    await make(api);
    expectRefused(await post(api), 429, 'may have 2 jobs', 'has 2');
    await attempt.finish({ status: 'succeeded', result });
    await make(api);
    expectRefused(await post(api), 429);
  });

  test('counts each key by itself, and admins not at all', async ({ open }) => {
    const api = await open({ queuedJobs: 1 });
    await make(api);
    await make(api, bob);
    await make(api, root);
    await make(api, root);
    expect(statuses([await post(api), await post(api, bob), await post(api, root)])).toEqual([202, 429, 429]);
  });

  test('counts a paused job, which may go on at any time', async ({ open }) => {
    const api = await open({ queuedJobs: 1 });
    const { id } = await make(api);
    expect((await api.post(`/jobs/${id}/pause`, {}, ada)).statusCode).toBe(202);
    expectRefused(await post(api), 429);
    expect((await api.post(`/jobs/${id}/resume`, {}, ada)).statusCode).toBe(202);
  });

  test('cannot be exceeded by many requests at once to two processes', async ({ open }) => {
    const apis = [await open({ queuedJobs: 5 }), await open({ queuedJobs: 5 })];
    const answers = await Promise.all(Array.from({ length: 10 }, async () => await Promise.all(apis.map(async (api) => await post(api)))));
    expect(statuses(answers.flat())).toEqual([...Array<number>(5).fill(202), ...Array<number>(15).fill(429)]);
    expect(await Promise.all(apis.map(async (api) => (await shown(api)).queuedJobs))).toEqual([
      { limit: 5, used: 5 },
      { limit: 5, used: 5 },
    ]);
  });

  test('lets a repeated request have the job that it made', async ({ open }) => {
    const api = await open({ queuedJobs: 1 });
    const key = { ...ada, 'idempotency-key': 'once' };
    const { id } = await make(api, key);
    const again = await post(api, key);
    expect([again.statusCode, again.json<Job>().id]).toEqual([202, id]);
  });

  test.for(['retry', 'fork'] as const)('holds for a %s, of which nothing stays', async (action, { open, redis }) => {
    const api = await open({ queuedJobs: 1 });
    const attempt = await started(api);
    await attempt.finish({ status: 'failed', error: { code: 'diskFull', message: 'no room', epoch: null, step: null } });
    await make(api);
    expectRefused(await api.post(`/jobs/${attempt.jobId}/${action}`, {}, ada), 429);
    expect((await api.jobs.store.list({ limit: 9 })).data).toHaveLength(2);
    expect(await redis.connect().zcard(redisKeys(redis.prefix).remains)).toBe(0);
  });
});

const sweepOf = (jobs: number, more: object = {}): object => {
  const { seed: _seed, ...rest } = spec;
  const values = Array.from({ length: jobs }, (_, index) => 0.1 / (index + 1));
  return { spec: rest, space: { '/optimizer/learningRate': { type: 'choice', values } }, strategy: { type: 'grid' }, ...more };
};

describe('of jobs, for a sweep', () => {
  test('takes or refuses it as a whole', async ({ open }) => {
    const api = await open({ queuedJobs: 4 });
    await make(api);
    expectRefused(await api.post('/sweeps', sweepOf(4), ada), 429, 'may have 4 jobs', 'has 1');
    expect((await api.get('/sweeps', ada)).json<{ data: Sweep[] }>().data).toEqual([]);
    const taken = await api.post('/sweeps', sweepOf(3), ada);
    expect(taken.statusCode, taken.body).toBe(202);
    expect(taken.json<Sweep>().trials).toHaveLength(3);
    expect((await shown(api)).queuedJobs.used).toBe(4);
    expectRefused(await post(api), 429);
  });

  test('cannot be exceeded by sweeps and jobs at once on two processes', async ({ open }) => {
    const apis = [await open({ queuedJobs: 7 }), await open({ queuedJobs: 7 })];
    const sweeps = Promise.all(apis.map(async (api) => await api.post('/sweeps', sweepOf(4), ada)));
    const jobs = Promise.all(Array.from({ length: 4 }, async () => await Promise.all(apis.map(async (api) => await post(api)))));
    const taken = [...(await sweeps), ...(await jobs).flat()].filter(({ statusCode }) => statusCode === 202);
    const [api] = apis;
    if (api === undefined) throw new Error('there is no app');
    const unfinished = (await api.jobs.store.list({ limit: 20 })).data.length;
    expect(unfinished).toBe(taken.reduce((sum, answer) => sum + (answer.headers['location']?.startsWith('/sweeps/') === true ? 4 : 1), 0));
    expect(unfinished).toBeLessThanOrEqual(7);
    expect((await shown(api)).queuedJobs.used).toBe(unfinished);
  });

  test('counts jobs that a cancelled sweep did not make no more', async ({ open, redis }) => {
    const api = await open({ queuedJobs: 3 });
    const { id } = (await api.post('/sweeps', sweepOf(3), ada)).json<Sweep>();
    // As if a crash had come before the last of them.
    const keys = redisKeys(redis.prefix);
    const client = redis.connect();
    await client.hset(keys.sweep(id), 'plannedJobs', 1);
    await client.hset(keys.usage('ada'), 'plannedJobs', 1);
    expect((await shown(api)).queuedJobs.used).toBe(4);
    expect((await api.post(`/sweeps/${id}/cancel`, {}, ada)).statusCode).toBe(202);
    expect((await shown(api)).queuedJobs.used).toBe(0);
  });

  test('lets the later rounds of a halving in', async ({ open }) => {
    const api = await open({ queuedJobs: 2 });
    const body = sweepOf(2, { strategy: { type: 'halving', minEpochs: 1, factor: 2 }, maxJobs: 2 });
    const made = await api.post('/sweeps', body, ada);
    expect(made.statusCode, made.body).toBe(202);
    const sweep = made.json<Sweep>();
    for (const { job } of sweep.trials) {
      const attempt = await claim(api.jobs, job);
      await attempt.appendEpoch(metricsOf(1));
      const file = 'checkpoint-1-1.safetensors';
      await api.artifacts.putBytes(job, file, Buffer.from('checkpoint'));
      await attempt.storeCheckpoint({ epoch: 1, step: 0, bytes: 10 }, file);
      await attempt.finish({ status: 'succeeded', result });
    }
    await make(api);
    await make(api);
    await api.sweepRunner.advance(sweep.id);
    expect((await shown(api)).queuedJobs.used).toBe(3);
  });
});

describe('of parameters and epochs', () => {
  test('is a limit of the spec that names place and limit, for jobs, forks and sweeps', async ({ open }) => {
    const api = await open({ parameters: 9, epochs: 10 });
    const refusals = async (answer: LightMyRequestResponse | Promise<LightMyRequestResponse>) => {
      const response = await answer;
      expect(response.statusCode).toBe(422);
      return response.json<Problem>().errors?.map(({ path, code, message }) => [path, code, message.split(':')[0]]);
    };
    const tooManyEpochs = ['/epochs', 'limitExceeded', '20 epochs are over the limit of 10'];
    const tooManyParameters = ['/model', 'limitExceeded', '10 parameters are over the limit of 9'];
    expect(await refusals(post(api))).toEqual([tooManyEpochs, tooManyParameters]);
    expect(await refusals(post(api, ada, { epochs: 10 }))).toEqual([tooManyParameters]);
    expect((await refusals(api.post('/sweeps', sweepOf(2), ada)))?.[0]?.slice(0, 2)).toEqual(['/spec/epochs', 'limitExceeded']);
    await make(api, root);
    const bias = { model: { layers: [{ type: 'linear', outFeatures: 2, bias: false }] }, epochs: 10 };
    const { id } = await make(api, ada, bias);
    expect(await refusals(api.post(`/jobs/${id}/fork`, { epochs: 11 }, ada))).toEqual([
      ['/epochs', 'limitExceeded', '11 epochs are over the limit of 10'],
    ]);
  });
});

describe('of training seconds', () => {
  test('refuses new jobs until the next day, and lets those train on that are there', async ({ open, redis }) => {
    const api = await open({ trainingSeconds: 0.5 });
    const attempt = await started(api);
    await make(api);
    expect(await attempt.appendEpoch(metricsOf(1))).toEqual({ outcome: 'duplicate' });
    await attempt.appendEpoch(metricsOf(2));
    const { trainingSeconds } = await shown(api);
    expect(trainingSeconds).toMatchObject({ limit: 0.5, used: 0.5 });
    const refused = await post(api);
    expectRefused(refused, 429, 'train for 0.5 seconds', 'trained for 0.5');
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(86_400);
    expect(await attempt.appendEpoch(metricsOf(3))).toMatchObject({ outcome: 'appended' });
    await make(api, bob);
    const usage = redisKeys(redis.prefix).usage('ada');
    const client = redis.connect();
    await client.hset(usage, 'trainedDay', Number(await client.hget(usage, 'trainedDay')) - 1);
    await make(api);
    await attempt.appendEpoch(metricsOf(4));
    expect((await shown(api)).trainingSeconds.used).toBe(0.25);
  });
});

const weightsFile = Buffer.from(encodeWeights(buildModel(spec.model.layers, describeData(spec.data).inputShape, new Generator(7))).bytes);
const putWeights = async (api: TestApi, key = ada) =>
  await api.call({
    method: 'POST',
    url: '/weights',
    payload: weightsFile,
    headers: { 'content-type': 'application/octet-stream', ...key },
  });
const putTable = async (api: TestApi, key = ada) => await upload(api, formParts({ file: table }, { targetColumn: 'kind' }), key);
const remove = async (api: TestApi, url: string) => await api.call({ method: 'DELETE', url, headers: ada });

async function expectNothingReserved(redis: TestRedis): Promise<void> {
  expect(await redis.connect().zcard(redisKeys(redis.prefix).remains)).toBe(0);
}

describe('of storage', () => {
  test('refuses weights that do not fit with 413, and takes them when others are deleted', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1.5 * weightsFile.length });
    const first = (await putWeights(api)).json<Weights>();
    expectRefused(await putWeights(api), 413, `may store ${1.5 * weightsFile.length} bytes`, `stores ${weightsFile.length}`);
    await expectNothingReserved(redis);
    expect((await putWeights(api, bob)).statusCode).toBe(201);
    expect((await remove(api, `/weights/${first.id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
    expect((await putWeights(api)).statusCode).toBe(201);
  });

  test('refuses a dataset that does not fit, but not one that is there already', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1e6 });
    const first = await putTable(api);
    expect(first.statusCode, first.body).toBe(201);
    const { id } = first.json<Dataset>();
    const { used } = (await shown(api)).storageBytes;
    expect(used).toBe((await api.datasets.get(id))?.bytes);
    const tight = await open({ storageBytes: used });
    expect((await putTable(tight)).statusCode).toBe(200);
    const other = await upload(tight, formParts({ file: Buffer.from('a,kind\n1,cat\n2,dog\n3,cat\n') }, { targetColumn: 'kind' }), ada);
    expectRefused(other, 413, `may store ${used} bytes`);
    await expectNothingReserved(redis);
    expect((await remove(api, `/datasets/${id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
  });

  test('cannot be exceeded by uploads at once to two processes', async ({ open }) => {
    const quotas = { storageBytes: 2 * weightsFile.length };
    const apis = [await open(quotas), await open(quotas)];
    const answers = await Promise.all(
      Array.from({ length: 3 }, async () => await Promise.all(apis.map(async (api) => await putWeights(api)))),
    );
    expect(statuses(answers.flat())).toEqual([201, 201, 413, 413, 413, 413]);
  });

  test("counts a job's last checkpoint and its model until it is deleted or too old", async ({ open, redis }) => {
    const api = await open({ storageBytes: 1_000 });
    const attempt = await started(api, 400);
    expect((await shown(api)).storageBytes.used).toBe(400);
    await attempt.appendEpoch(metricsOf(2));
    await attempt.storeCheckpoint({ epoch: 2, step: 0, bytes: 500 }, 'checkpoint-1-2.safetensors');
    expect((await shown(api)).storageBytes.used).toBe(500);
    const waiting = await make(api);
    for (const _twice of [1, 2]) await attempt.finish({ status: 'succeeded', result, modelBytes: 500 });
    expect((await shown(api)).storageBytes).toEqual({ limit: 1_000, used: 1_000 });
    expectRefused(await post(api), 413, 'may store 1000 bytes', 'stores 1000');
    expectRefused(await api.post('/sweeps', sweepOf(2), ada), 413);
    await (await claim(api.jobs, waiting.id)).finish({ status: 'succeeded', result, modelBytes: 7 });
    const options = { redis: redis.connect(), prefix: redis.prefix, jobs: api.jobs.store, remains: api.remains };
    await new Retention({ ...options, limits: { days: null, jobs: 1 } }).sweep();
    expect((await shown(api)).storageBytes.used).toBe(7);
    expect((await remove(api, `/jobs/${waiting.id}`)).statusCode).toBe(204);
    expect((await shown(api)).storageBytes.used).toBe(0);
  });

  test('counts the checkpoint that a fork begins with, and refuses one that has no room for it', async ({ open, redis }) => {
    const api = await open({ storageBytes: 1_000 });
    const { jobId } = await started(api, 400);
    const fork = await api.post(`/jobs/${jobId}/fork`, {}, ada);
    expect(fork.statusCode, fork.body).toBe(202);
    expect((await shown(api)).storageBytes.used).toBe(800);
    expectRefused(await api.post(`/jobs/${jobId}/fork`, {}, ada), 413, 'may store 1000 bytes', 'stores 800');
    await expectNothingReserved(redis);
  });
});

test('of storage counts what a job keeps of its epochs, and the copies that others begin with', async ({ open, redis }) => {
  const documents = Buffer.from('{"epoch":1}\n{"epoch":2}\n');
  const copies = weightsFile.length + 400 + documents.length / 2;
  const originals = weightsFile.length + 400 + documents.length;
  const api = await open({ storageBytes: originals + copies });
  const used = async () => (await shown(api)).storageBytes.used;
  const initialWeights = { weights: (await putWeights(api)).json<Weights>().id };
  const begun = await make(api, ada, { initialWeights });
  const attempt = await started(api, 400);
  await api.artifacts.putBytes(attempt.jobId, 'gradients-1-2.jsonl', documents);
  await attempt.countFile('gradients-1-2.jsonl', documents.length);
  expect(await used()).toBe(originals + weightsFile.length);
  // Its checkpoint is of the first epoch, and so are the documents that it gets.
  const fork = await api.post(`/jobs/${attempt.jobId}/fork`, {}, ada);
  expect(fork.statusCode, fork.body).toBe(202);
  expect(await used()).toBe(originals + copies);
  expectRefused(await post(api, ada, { initialWeights }), 413, `may store ${originals + copies} bytes`);
  await expectNothingReserved(redis);
  for (const { id } of [begun, fork.json<Job>()]) {
    expect((await api.post(`/jobs/${id}/cancel`, {}, ada)).statusCode).toBe(202);
    expect((await remove(api, `/jobs/${id}`)).statusCode).toBe(204);
    expect(await redis.connect().exists(redisKeys(redis.prefix).files(id))).toBe(0);
  }
  expect(await used()).toBe(originals);
});

describe('GET /quotas', () => {
  test("shows a key's own limits and use, and an admin none", async ({ open }) => {
    const api = await open({ queuedJobs: 3, epochs: 50, parameters: 1e12 });
    await make(api);
    const free = { limit: null, used: 0 };
    expect(await shown(api)).toMatchObject({
      queuedJobs: { limit: 3, used: 1 },
      epochs: { limit: 50 },
      parameters: { limit: 100e6 },
      storageBytes: free,
      trainingSeconds: free,
    });
    expect(await shown(api, root)).toMatchObject({ queuedJobs: free, epochs: { limit: 100_000 } });
    expect((await api.get('/quotas?all=1', ada)).statusCode).toBe(422);
    expect((await api.get('/quotas')).statusCode).toBe(401);
  });

  redisTest('shows none without keys, where nobody has a quota', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { quotas: { queuedJobs: 0, parameters: 0, epochs: 0, storageBytes: 0, trainingSeconds: 0 } });
    onTestFinished(async () => await api.close());
    expect((await api.post('/jobs', spec)).statusCode).toBe(202);
    expect((await api.get('/quotas')).json()).toMatchObject({ queuedJobs: { limit: null, used: 1 } });
  });
});
