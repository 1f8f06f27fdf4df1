// Tests which job starts next: keys take turns, weights make a key's turns longer, and `queuePosition` shows the order.
import { type ApiKey, type JobAttempt, KeyWeights, redisKeys } from '@trainyard/jobs';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { claim, createJob, endLease, type Jobs, openJobs, positionsOf, result, runAll, spec, takeNext } from '../../support/jobs.ts';
import { redisTest as test, type TestRedis } from '../../support/redis.ts';
import { TurnsModel } from '../fixtures/turnsModel.ts';

/** Creates jobs of an owner one after the other. @returns their ids */
async function create(jobs: Jobs, owner: string, count: number, priority = 0): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < count; made++) ids.push(await createJob(jobs, { priority }, owner));
  return ids;
}

async function setWeights(redis: TestRedis, weights: Readonly<Record<string, number>>): Promise<void> {
  const keys = Object.entries(weights).map(([name, weight]): ApiKey => ({ name, role: 'user', sha256: '', weight }));
  await new KeyWeights({ redis: redis.connect(), prefix: redis.prefix }).store(keys);
}

/** Returns the first letters of the owners of these jobs, as one string. */
async function ownersOf({ store }: Jobs, ids: readonly string[], owners: readonly string[]): Promise<string> {
  const lists = await Promise.all(owners.map(async (owner) => (await store.list({ limit: 100, owner })).data.map(({ id }) => id)));
  return ids.map((id) => owners[lists.findIndex((list) => list.includes(id))]?.[0] ?? '?').join('');
}

const finish = async (attempt: JobAttempt | null) => await attempt?.finish({ status: 'succeeded', result });

describe('a key that has many jobs of the highest priority', () => {
  test('lets the one job of another key start next', async ({ redis }) => {
    const jobs = openJobs(redis);
    const many = await create(jobs, 'ada', 50, 10);
    const running = await takeNext(jobs);
    const { job } = await jobs.store.create({ spec, owner: 'bob' });
    expect(job.queuePosition).toBe(1);
    expect(await positionsOf(jobs, many.slice(1, 3))).toEqual([2, 3]);
    await finish(running);
    expect(await takeNext(jobs)).toMatchObject({ jobId: job.id });
  });

  test('may use all places while no other key waits, and then gives places one by one to a key with fewer running jobs', async ({
    redis,
  }) => {
    const jobs = openJobs(redis);
    await create(jobs, 'ada', 10);
    const running = [await takeNext(jobs), await takeNext(jobs), await takeNext(jobs), await takeNext(jobs)];
    const [first, second, third] = await create(jobs, 'bob', 3);
    await finish(running[0] ?? null);
    expect(await takeNext(jobs)).toMatchObject({ jobId: first });
    await finish(running[1] ?? null);
    expect(await takeNext(jobs)).toMatchObject({ jobId: second });
    await finish(running[2] ?? null);
    const next = await takeNext(jobs);
    expect(next?.jobId).not.toBe(third);
    expect(await jobs.store.get(next?.jobId ?? '', 'ada')).toMatchObject({ status: 'running' });
  });

  test('gives each free place to a key whose jobs are short, however long its own jobs run', async ({ redis }) => {
    const jobs = openJobs(redis);
    await create(jobs, 'ada', 5);
    const short = await create(jobs, 'bob', 5);
    await takeNext(jobs);
    for (const jobId of short) {
      const attempt = await takeNext(jobs);
      expect(attempt).toMatchObject({ jobId });
      await finish(attempt);
    }
  });
});

describe('turns', () => {
  test('pass from key to key, and priorities order only the jobs of one key', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [low] = await create(jobs, 'ada', 1);
    const [high, next] = await create(jobs, 'ada', 2, 10);
    const [bob] = await create(jobs, 'bob', 1);
    const [cleo, later] = await create(jobs, 'cleo', 2, 5);
    const order = [high, bob, cleo, next, later, low];
    expect(await positionsOf(jobs, order)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await jobs.store.list({ limit: 10 })).data.map(({ queuePosition }) => queuePosition)).toEqual([5, 3, 2, 4, 1, 6]);
    expect(await runAll(jobs)).toEqual(order);
  });

  test('start as many jobs as the weight of the key if one job runs at a time', async ({ redis }) => {
    const jobs = openJobs(redis);
    await setWeights(redis, { ada: 3, bob: 1 });
    const ids = [...(await create(jobs, 'bob', 4)), ...(await create(jobs, 'ada', 8))];
    const positions = await positionsOf(jobs, ids);
    const order = await runAll(jobs);
    expect(await ownersOf(jobs, order, ['ada', 'bob'])).toBe('baaabaaabaab');
    expect(ids.map((id) => order.indexOf(id) + 1)).toEqual(positions);
  });

  test('divide several places in proportion to the weights', async ({ redis }) => {
    const jobs = openJobs(redis);
    await setWeights(redis, { ada: 3 });
    await create(jobs, 'bob', 10);
    await create(jobs, 'ada', 10);
    const running = [await takeNext(jobs), await takeNext(jobs), await takeNext(jobs), await takeNext(jobs)];
    const order = running.map((attempt) => attempt?.jobId ?? '');
    expect((await ownersOf(jobs, order, ['ada', 'bob'])).split('').toSorted().join('')).toBe('aaab');
  });

  test('follow a weight that is changed or removed while jobs wait', async ({ redis }) => {
    const jobs = openJobs(redis);
    await setWeights(redis, { ada: 2 });
    await create(jobs, 'ada', 6);
    await create(jobs, 'bob', 4);
    const owners = async (count: number): Promise<string> => {
      const ids: string[] = [];
      while (ids.length < count) {
        const attempt = await takeNext(jobs);
        ids.push(attempt?.jobId ?? '');
        await finish(attempt);
      }
      return await ownersOf(jobs, ids, ['ada', 'bob']);
    };
    expect(await owners(4)).toBe('aaba');
    await setWeights(redis, {});
    expect(await owners(5)).toBe('ababa');
    expect(await redis.connect().exists(redisKeys(redis.prefix).keyWeights)).toBe(0);
  });
});

describe('the place of a job in the queue', () => {
  test('is the first one after it was handed back or lost its worker, and its key uses no second turn', async ({ redis }) => {
    const jobs = openJobs(redis);
    await create(jobs, 'ada', 3, 10);
    const [bob] = await create(jobs, 'bob', 1);
    const [first, second] = [await takeNext(jobs), await takeNext(jobs)];
    expect(second).toMatchObject({ jobId: bob });
    await second?.release();
    await endLease(redis, first?.jobId ?? '');
    await jobs.store.interruptLost();
    expect(await jobs.store.get(bob ?? '')).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(await takeNext(jobs)).toMatchObject({ jobId: bob, number: 2 });
    expect(await takeNext(jobs)).toMatchObject({ jobId: first?.jobId, number: 2 });
  });

  test('is among the jobs of its key after it was paused and resumed, and its key loses no turn', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [ada] = await create(jobs, 'ada', 1);
    const bobs = await create(jobs, 'bob', 3);
    await jobs.store.act('pause', ada ?? '');
    expect(await positionsOf(jobs, [ada ?? '', ...bobs])).toEqual([null, 1, 2, 3]);
    await finish(await takeNext(jobs));
    expect(await jobs.store.act('resume', ada ?? '')).toMatchObject({ queuePosition: 1 });
    expect(await runAll(jobs)).toEqual([ada, ...bobs.slice(1)]);
  });

  test('does not matter when a worker takes this job directly: the start uses the turn of its key', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [, later = ''] = await create(jobs, 'ada', 2);
    const [bob] = await create(jobs, 'bob', 1);
    await finish(await claim(jobs, later));
    expect(await takeNext(jobs)).toMatchObject({ jobId: bob });
  });
});

test('jobs that version 0.1.0 queued wait for the turns of their keys, in the order of their priorities', async ({ redis }) => {
  const jobs = openJobs(redis);
  const [keys, connection] = [redisKeys(redis.prefix), redis.connect()];
  const ids = [...(await create(jobs, 'ada', 2)), ...(await create(jobs, 'ada', 1, 3)), ...(await create(jobs, 'bob', 1))];
  const [gone] = await create(jobs, 'bob', 1, 9);
  await jobs.store.act('cancel', gone ?? '');
  // Version 0.1.0 kept all waiting jobs in one sorted set.
  const scores = [5, 6, 7 - 3e13, 8, 9 - 9e13];
  await connection.zadd(keys.formerWaiting, ...[...ids, gone ?? ''].flatMap((id, at) => [scores[at] ?? 0, id]));
  await connection.del(keys.waitingOf('ada'), keys.waitingOf('bob'), keys.waitingOwners, keys.lastTurns, `${keys.tag}:train:wait`);
  expect(await takeNext(jobs)).toBeNull();
  expect(await jobs.store.reconcileQueue()).toBe(4);
  expect(await connection.exists(keys.formerWaiting)).toBe(0);
  const order = [ids[2], ids[3], ids[0], ids[1]];
  expect(await positionsOf(jobs, order.map(String))).toEqual([1, 2, 3, 4]);
  expect(await runAll(jobs)).toEqual(order);
});

const owners = ['ada', 'bob', 'cleo'];
const act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ act: fc.constant('post' as const), owner: fc.constantFrom(...owners), priority: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('start' as const) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('finish' as const, 'handBack' as const, 'cancel' as const), at: fc.nat() }) },
);
const weight = fc.integer({ min: 1, max: 3 });

test('jobs start in the order of the model and at the shown positions, in any sequence of actions on them', async ({ redis }) => {
  const jobs = openJobs(redis);
  let round = 0;
  const property = fc.asyncProperty(fc.array(act, { maxLength: 40 }), fc.tuple(weight, weight, weight), async (acts, weights) => {
    round += 1;
    // Each round uses new owners, which have had no turns.
    const nameOf = (owner: string): string => `${owner}-${round}`;
    const weightOf = Object.fromEntries(owners.map((owner, at) => [nameOf(owner), weights[at] ?? 1]));
    await setWeights(redis, weightOf);
    const model = new TurnsModel(weightOf);
    const attempts = new Map<string, JobAttempt>();
    const start = async (): Promise<string | undefined> => {
      const attempt = await takeNext(jobs);
      expect(attempt?.jobId).toBe(model.start());
      if (attempt !== null) attempts.set(attempt.jobId, attempt);
      return attempt?.jobId;
    };
    const end = async (id: string): Promise<void> => {
      await finish(attempts.get(id) ?? null);
      model.end(id);
    };
    for (const each of acts) {
      if (each.act === 'post') {
        const id = await createJob(jobs, { priority: each.priority }, nameOf(each.owner));
        model.post(id, nameOf(each.owner), each.priority);
      } else if (each.act === 'start') {
        await start();
      } else {
        const among = each.act === 'cancel' ? model.waiting : model.running;
        const id = among[each.at % Math.max(1, among.length)]?.id;
        if (id === undefined) continue;
        if (each.act === 'finish') await end(id);
        if (each.act === 'handBack') {
          await attempts.get(id)?.release();
          model.handBack(id);
        }
        if (each.act === 'cancel') {
          await jobs.store.act('cancel', id);
          model.leave(id);
        }
      }
    }
    for (const { id } of model.running.slice()) await end(id);
    const shown = new Map((await jobs.store.list({ limit: 100, status: 'queued' })).data.map((job) => [job.id, job.queuePosition]));
    for (let position = 1; shown.size > 0; position++) {
      const id = (await start()) ?? '';
      expect(shown.get(id)).toBe(position);
      shown.delete(id);
      await end(id);
    }
  });
  await fc.assert(property, { numRuns: redis.kind === 'embedded' ? 5 : 40 });
});
