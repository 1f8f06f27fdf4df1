// Sweeps, from the body to their jobs and their ranking, on the real app; workers are played by the test, but for what training does.
import { setImmediate } from 'node:timers/promises';
import { type Job, type Problem, type Sweep, sweepDetail, type SweepPage } from '@trainyard/contracts';
import { parseApiKeys, planTrials, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, metricsOf } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { apiTest as test, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';
import { getSweep, gridOf, makeSweep, refusalOf, trainAs } from './fixtures/sweeps.ts';

describe('a grid', () => {
  test('makes an ordinary job of every combination', async ({ api }) => {
    const sweep = await makeSweep(api, gridOf({ name: 'grid', labels: { team: 'a' } }));
    expect(sweep).toMatchObject({ name: 'grid', labels: { team: 'a' }, status: 'running', planned: 6, goal: 'minimize' });
    expect(sweep.trials.map(({ values }) => Object.values(values))).toEqual([0.1, 0.01].flatMap((rate) => [4, 5, 6].map((n) => [rate, n])));
    for (const { job: id, values } of sweep.trials) {
      const job = (await api.get(`/jobs/${id}`)).json<Job>();
      expect(job).toMatchObject({
        status: 'queued',
        sweep: sweep.id,
        spec: { optimizer: { learningRate: values['/optimizer/learningRate'] } },
      });
      expect(job.spec.model.layers[0]).toMatchObject({ outChannels: values['/model/layers/0/outChannels'] });
    }
  });

  test('searches what is trained: frozen weights, options of groups, class weights and the sampling', async ({ api }) => {
    const spec = {
      ...tutorial,
      data: { dataset: 'digits', trainLimit: 100 },
      loss: { type: 'crossEntropy' },
      optimizer: { type: 'sgd', groups: [{ layers: '11', learningRate: 0.1 }] },
    };
    const space = {
      '/freeze': { type: 'choice', values: [['conv1'], ['conv*', '7']] },
      '/optimizer/groups/0/learningRate': { type: 'choice', values: [0.1, 0.2] },
      '/loss/weight': { type: 'choice', values: ['balanced'] },
      '/data/sampling': { type: 'choice', values: ['balanced', 'sequential'] },
    };
    const unknown = { '/freeze': { type: 'choice', values: [['conv3']] } };
    expect(await refusalOf(api, gridOf({ spec, space: unknown }))).toEqual([
      '/space/~1freeze: ["conv3"]: "conv3" matches no weight of the model: the nearest names are "conv1", "conv2", "7"',
    ]);
    const { trials } = await makeSweep(api, gridOf({ spec, space, maxJobs: 8 }));
    expect(trials).toHaveLength(8);
    for (const { job: id, values } of trials) {
      const { spec: made } = (await api.get(`/jobs/${id}`)).json<Job>();
      expect(made).toMatchObject({
        freeze: values['/freeze'],
        optimizer: { groups: [{ layers: '11', learningRate: values['/optimizer/groups/0/learningRate'] }] },
        loss: { weight: 'balanced' },
        data: { sampling: values['/data/sampling'] },
      });
    }
  });

  test('ranks its jobs as they train, and ends when they have', async ({ api }) => {
    const { id, trials } = await makeSweep(api, gridOf());
    const losses = [0.5, 0.2, 0.9, 0.1, 0.4, 0.3];
    for (const [index, { job }] of trials.slice(0, 3).entries()) await trainAs(api, job, [losses[index] ?? 0]);
    const halfway = await getSweep(api, id);
    expect(halfway.status).toBe('running');
    expect(halfway.trials.map(({ value }) => value)).toEqual([0.2, 0.5, 0.9, null, null, null]);
    for (const [index, { job }] of trials.slice(3).entries()) await trainAs(api, job, [losses[3 + index] ?? 0]);
    await api.sweepRunner.afterJob(trials[0]?.job ?? '');
    const ended = await getSweep(api, id);
    expect(ended.status).toBe('succeeded');
    expect(ended.finishedAt).not.toBeNull();
    expect(ended.trials.map(({ rank, value }) => [rank, value])).toEqual(
      [0.1, 0.2, 0.3, 0.4, 0.5, 0.9].map((loss, index) => [index + 1, loss]),
    );
    expect(ended.trials[0]?.job).toBe(trials[3]?.job);
  });

  test('ranks a job whose metric was no number last, and says what it was', async ({ api }) => {
    const { id, trials } = await makeSweep(api, gridOf({ maxJobs: 6 }));
    const attempt = await claim(api.jobs, trials[0]?.job ?? '');
    await attempt.appendEpoch({ ...metricsOf(1), trainLoss: null, nonFinite: { trainLoss: 'nan' } });
    await trainAs(api, trials[1]?.job ?? '', [0.5]);
    const { trials: ranked } = await getSweep(api, id);
    expect(ranked[0]).toMatchObject({ job: trials[1]?.job, value: 0.5 });
    expect(ranked[0]).not.toHaveProperty('nonFinite');
    expect(ranked.find(({ job }) => job === attempt.jobId)).toMatchObject({ value: null, nonFinite: { value: 'nan' } });
  });

  test('goes on where a process died while it made the jobs, and makes none twice', async ({ api, redis }) => {
    const { id, trials } = await makeSweep(api, gridOf());
    const keys = redisKeys(redis.prefix);
    // As if the last two had not been noted, and the very last not been made.
    await redis.connect().hdel(keys.sweep(id), 'job:0:4', 'job:0:5');
    const last = trials[5]?.job ?? '';
    await api.post(`/jobs/${last}/cancel`, {});
    await api.jobs.store.delete(last);
    const [again] = await Promise.all([1, 2, 3].map(async () => await api.sweepRunner.reconcile()));
    expect(again).toBeUndefined();
    const sweep = await getSweep(api, id);
    expect(sweep.trials.slice(0, 5).map(({ job }) => job)).toEqual(trials.slice(0, 5).map(({ job }) => job));
    expect(sweep.trials).toHaveLength(6);
    expect((await api.jobs.store.list({ limit: 50 })).data).toHaveLength(6);
  });
});

describe('random draws', () => {
  const ranges = {
    '/optimizer/learningRate': { type: 'logUniform', min: 1e-4, max: 1 },
    '/optimizer/momentum': { type: 'uniform', min: 0, max: 0.9 },
    '/data/batchSize': { type: 'int', min: 1, max: 4 },
    '/model/layers/1': { type: 'choice', values: [{ type: 'relu' }, { type: 'tanh' }] },
  } as const;

  test('are the same for the same seed, and lie in their ranges', async ({ api }) => {
    const body = { spec: tutorial, space: ranges, strategy: { type: 'random' }, maxJobs: 12, seed: 7 };
    const [one, two] = [await makeSweep(api, body), await makeSweep(api, body)];
    expect(two.trials.map(({ values }) => values)).toEqual(one.trials.map(({ values }) => values));
    expect(one.trials).toHaveLength(12);
    expect(new Set(one.trials.map(({ values }) => JSON.stringify(values))).size).toBe(12);
    const other = await makeSweep(api, { ...body, seed: 8 });
    expect(other.trials[0]?.values).not.toEqual(one.trials[0]?.values);
  });

  test('spread over a logarithmic range evenly by its logarithm', () => {
    const drawn = planTrials({ rate: { type: 'logUniform', min: 1e-4, max: 1 } }, { type: 'random' }, 2_000, 1).map(({ rate }) =>
      Number(rate),
    );
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1);
    const low = drawn.filter((rate) => rate < 1e-2).length;
    expect(low).toBeGreaterThan(900);
    expect(low).toBeLessThan(1_100);
  });
});

describe('successive halving', () => {
  const body = {
    spec: { ...tutorial, epochs: 9 },
    space: { '/optimizer/learningRate': { type: 'uniform', min: 0.001, max: 0.1 } },
    strategy: { type: 'halving', minEpochs: 1, factor: 3 },
    maxJobs: 9,
    seed: 0,
  };

  test('lets the best third go on from their checkpoints, rung by rung', async ({ api }) => {
    const { id, trials } = await makeSweep(api, body);
    expect(trials.map(({ epochs }) => epochs)).toEqual(Array.from({ length: 9 }, () => 1));
    for (const [index, { job }] of trials.entries()) await trainAs(api, job, [1 - index / 10]);
    await api.sweepRunner.afterJob(trials[0]?.job ?? '');

    const second = (await getSweep(api, id)).trials.filter(({ rung }) => rung === 1);
    expect(second.map(({ epochs, epoch }) => [epochs, epoch])).toEqual(Array.from({ length: 3 }, () => [3, 1]));
    expect(second.map(({ values }) => values)).toEqual([8, 7, 6].map((index) => trials[index]?.values));
    const first = (await api.get(`/jobs/${second[0]?.job}`)).json<Job>();
    expect([first.forkOf, first.sweep, first.checkpoint?.epoch]).toEqual([trials[8]?.job, id, 1]);
    for (const [index, { job }] of second.entries()) await trainAs(api, job, [0.5, index / 10], 2);
    await api.sweepRunner.reconcile();

    const third = (await getSweep(api, id)).trials.filter(({ rung }) => rung === 2);
    expect(third.map(({ epochs, values }) => [epochs, values])).toEqual([[9, trials[8]?.values]]);
    await trainAs(api, third[0]?.job ?? '', [0.4, 0.3, 0.2, 0.1, 0.05, 0.01], 4);
    await api.sweepRunner.reconcile();
    const ended = await getSweep(api, id);
    expect([ended.status, ended.planned, ended.trials.length, ended.trials[0]?.job]).toEqual(['succeeded', 13, 13, third[0]?.job]);
  });

  test('ends as failed where no job got anywhere', async ({ api }) => {
    const { id, trials } = await makeSweep(api, { ...body, maxJobs: 2 });
    const error = { code: 'nonFinite', message: 'too fast', epoch: 1, step: 1 };
    for (const { job } of trials) await (await claim(api.jobs, job)).finish({ status: 'failed', error });
    await api.sweepRunner.reconcile();
    expect((await getSweep(api, id)).status).toBe('failed');
    expect((await api.post(`/sweeps/${id}/cancel`, {})).json()).toMatchObject({ status: 409, code: 'wrongState' });
  });
});

describe('cancelling', () => {
  test('cancels the whole, but what has ended', async ({ api }) => {
    const { id, trials } = await makeSweep(api, gridOf());
    const [done, running] = trials.map(({ job }) => job);
    await trainAs(api, done ?? '', [0.5]);
    const attempt = await claim(api.jobs, running ?? '');
    const response = await api.post(`/sweeps/${id}/cancel`, {});
    expect([response.statusCode, response.json<Sweep>().status]).toEqual([202, 'cancelling']);
    await attempt.finish({ status: 'cancelled' });
    await api.sweepRunner.afterJob(attempt.jobId);
    const ended = await getSweep(api, id);
    expect(ended.status).toBe('cancelled');
    expect(ended.trials.map(({ status }) => status)).toEqual(['succeeded', ...Array.from({ length: 5 }, () => 'cancelled')]);
    expect((await api.post(`/sweeps/${id}/cancel`, undefined)).statusCode).toBe(202);
    await setImmediate();
  });
});

describe('nothing is queued of a sweep', () => {
  test('with a value that cannot work, and the problem says which', async ({ api }) => {
    const places = { '/model/layers/0/kernelSize': { type: 'choice', values: [5, 40] } };
    expect(await refusalOf(api, gridOf({ space: places }))).toEqual([
      expect.stringMatching(/^\/space\/~1model~1layers~10~1kernelSize: 40: .*does not fit/) as string,
    ]);
  });

  test('whose values break another place', async ({ api }) => {
    const places = {
      '/data/inputShape': {
        type: 'choice',
        values: [
          [1, 32, 32],
          [1, 8, 8],
        ],
      },
    };
    const [problem] = await refusalOf(api, gridOf({ space: places }));
    expect(problem).toMatch(/^\/spec\/model\/layers\/\d.*with \{"\/data\/inputShape":\[1,8,8\]\}/);
  });

  test.for([
    ['an unknown field of the spec', { spec: { ...tutorial, epoch: 1 } }, /^\/spec\/epoch: unknown field/],
    ['a webhook', { spec: { ...tutorial, webhook: { url: 'https://example.com/' } } }, /^\/spec\/webhook: unknown field/],
    [
      'a place that is none',
      { space: { '/optimiser/x': { type: 'choice', values: [1] } } },
      /^\/space\/~1optimiser~1x: names no place in the spec/,
    ],
    ['no pointer', { space: { epochs: { type: 'choice', values: [1] } } }, /^\/space\/epochs: must be a JSON pointer/],
    ['a range in a grid', { space: { '/epochs': { type: 'uniform', min: 1, max: 2 } } }, /^\/space\/~1epochs\/type: a grid allows only/],
    ['an empty range', { space: { '/epochs': { type: 'int', min: 3, max: 2 } } }, /^\/space\/~1epochs: min 3 is more than max 2/],
    ['more combinations than allowed', { maxJobs: 5 }, /^\/space: the grid has 6 combinations, more than maxJobs 5/],
    ['an unknown strategy', { strategy: { type: 'hyperband' } }, /^\/strategy\/type: unknown type "hyperband"/],
    ['no space', { space: {} }, /^\/space: must name at least one field/],
  ] as const)('with %s', async ([, more, expected], { api }) => {
    expect((await refusalOf(api, gridOf(more)))[0]).toMatch(expected);
  });
});

describe('an Idempotency-Key', () => {
  const key = { 'idempotency-key': 'one-two-three' };
  const sweepsOf = async (api: TestApi): Promise<SweepPage['data']> => (await api.get('/sweeps')).json<SweepPage>().data;

  test('gives the same sweep to the same body, and makes none of its jobs twice', async ({ api }) => {
    const first = await api.post('/sweeps', gridOf(), key);
    expect([first.statusCode, first.headers['idempotency-replayed']]).toEqual([202, undefined]);
    const again = await api.post('/sweeps', Object.fromEntries(Object.entries(gridOf()).toReversed()), key);
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([202, 'true']);
    expect(again.headers['location']).toBe(first.headers['location']);
    expect(sweepDetail.parse(again.json())).toEqual(first.json());
    expect((await api.jobs.store.list({ limit: 50 })).data).toHaveLength(6);
  });

  test('makes one sweep of requests that arrive at once, also where each would draw its own seed', async ({ api }) => {
    const body = { ...gridOf(), strategy: { type: 'random' }, maxJobs: 4 };
    const responses = await Promise.all(Array.from({ length: 8 }, async () => await api.post('/sweeps', body, key)));
    expect(responses.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 8 }, () => 202));
    expect(new Set(responses.map((response) => response.json<Sweep>().id)).size).toBe(1);
    expect(responses.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await sweepsOf(api)).toHaveLength(1);
    expect((await api.jobs.store.list({ limit: 50 })).data).toHaveLength(4);
  });

  test('is refused with another body, and with that of a job', async ({ api }) => {
    await api.post('/sweeps', gridOf(), key);
    const others = [await api.post('/sweeps', gridOf({ name: 'other' }), key), await api.post('/jobs', tutorial, key)];
    for (const other of others) {
      expect(other.statusCode).toBe(422);
      expect(other.json<Problem>()).toMatchObject({ code: 'idempotencyKeyReused' });
    }
    expect(await sweepsOf(api)).toHaveLength(1);
    await api.post('/jobs', tutorial, { 'idempotency-key': 'four' });
    expect((await api.post('/sweeps', gridOf(), { 'idempotency-key': 'four' })).json<Problem>()).toMatchObject({
      code: 'idempotencyKeyReused',
    });
  });

  test('has at most 255 characters', async ({ api }) => {
    const response = await api.post('/sweeps', gridOf(), { 'idempotency-key': 'x'.repeat(256) });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: 'idempotency-key' }]);
  });
});

describe('a sweep belongs to its key', () => {
  redisTest('and others do not see it', async ({ redis, onTestFinished }) => {
    const [ada, bob, root] = [makeKey('ada'), makeKey('bob'), makeKey('root', 'admin')];
    const api = await openApi(redis, { apiKeys: parseApiKeys([ada, bob, root].map(({ entry }) => entry).join(',')) });
    onTestFinished(async () => await api.close());
    const one = (await api.post('/sweeps', gridOf(), bearer(ada))).json<Sweep>();
    const two = (await api.post('/sweeps', gridOf(), bearer(ada))).json<Sweep>();
    expect((await api.get(`/sweeps/${one.id}`, bearer(bob))).statusCode).toBe(404);
    expect((await api.post(`/sweeps/${one.id}/cancel`, {}, bearer(bob))).statusCode).toBe(404);
    expect((await api.get('/sweeps/sweep_nobody', bearer(ada))).statusCode).toBe(404);
    expect((await api.get(`/jobs/${one.trials[0]?.job}`, bearer(bob))).statusCode).toBe(404);
    expect((await api.get('/sweeps')).statusCode).toBe(401);
    const listed = async (key: { token: string }, query = ''): Promise<SweepPage> => (await api.get(`/sweeps${query}`, bearer(key))).json();
    expect((await listed(bob)).data).toEqual([]);
    expect((await listed(root)).data.map(({ id }) => id)).toEqual([two.id, one.id]);
    const page = await listed(ada, '?limit=1');
    expect([page.data.map(({ id }) => id), page.nextCursor]).toEqual([[two.id], two.id]);
    expect((await listed(ada, `?limit=1&after=${page.nextCursor}`)).data.map(({ id }) => id)).toEqual([one.id]);
    const key = { 'idempotency-key': 'one' };
    const [hers, his] = [
      await api.post('/sweeps', gridOf(), { ...key, ...bearer(ada) }),
      await api.post('/sweeps', gridOf({ name: 'other' }), { ...key, ...bearer(bob) }),
    ];
    expect([hers.statusCode, his.statusCode, his.headers['idempotency-replayed']]).toEqual([202, 202, undefined]);
  });
});

test('sweeps that cannot be brought forward keep no others from it', async ({ api, redis }) => {
  const ids: string[] = [];
  for (let count = 0; count < 4; count++) ids.push((await makeSweep(api, gridOf())).id);
  const [last = '', ...broken] = ids.toReversed();
  const keys = redisKeys(redis.prefix);
  for (const id of broken) await redis.connect().hset(keys.sweep(id), 'plan', '{');
  await redis.connect().hset(keys.sweep(last), 'cancelledAt', new Date().toISOString());
  await expect(api.sweepRunner.reconcile()).rejects.toThrow(SyntaxError);
  expect(await getSweep(api, last)).toMatchObject({ status: 'cancelled' });
});
