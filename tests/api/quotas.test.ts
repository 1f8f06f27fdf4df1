// What each key may have: jobs that have not ended, parameters and epochs of one, bytes stored, seconds trained in a day. Held by the
// real app over Redis, also by two of them at once; admins, and everybody where there are no keys, have no quotas.
import type { Job, Problem, Sweep } from '@trainyard/contracts';
import { redisKeys } from '@trainyard/jobs';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { claim, metricsOf, result, spec } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { storedInRedis } from '../support/storedBytes.ts';
import { openApi } from './fixtures/api.ts';
import { ada, bob, expectRefused, make, post, quotaTest as test, root, shown, started, statuses, sweepOf } from './fixtures/quotas.ts';

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
    expect(await redis.connect().zcard(redisKeys(redis.prefix).reservedFiles)).toBe(0);
  });
});

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

describe('GET /quotas', () => {
  test("shows a key's own limits and usage, and no limits to an admin", async ({ open, redis }) => {
    const api = await open({ queuedJobs: 3, epochs: 50, parameters: 1e12 });
    await make(api);
    const free = { limit: null, used: 0 };
    expect(await shown(api)).toMatchObject({
      queuedJobs: { limit: 3, used: 1 },
      epochs: { limit: 50 },
      parameters: { limit: 100e6 },
      storageBytes: { limit: null, used: await storedInRedis(redis) },
      trainingSeconds: free,
    });
    expect(await shown(api, root)).toMatchObject({ queuedJobs: free, epochs: { limit: 100_000 } });
    expect((await api.get('/quotas?all=1', ada)).statusCode).toBe(422);
    expect((await api.get('/quotas')).statusCode).toBe(401);
  });

  redisTest('shows none without keys, where nobody has a quota', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, {
      quotas: { queuedJobs: 0, parameters: 0, epochs: 0, storageBytes: 0, redisBytes: 0, trainingSeconds: 0 },
    });
    onTestFinished(async () => await api.close());
    expect((await api.post('/jobs', spec)).statusCode).toBe(202);
    expect((await api.get('/quotas')).json()).toMatchObject({ queuedJobs: { limit: null, used: 1 } });
  });
});
