// Tests the creation of jobs: each job is created exactly once, also after crashes and repeated requests. Also tests the list of jobs.
import { IdempotencyMismatchError } from '@trainyard/jobs';
import { decodeTime } from 'ulid';
import { describe, expect } from 'vitest';
import { createJob, type Jobs, openJobs, positionsOf, runAll, spec, takeNext } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

const body = { epochs: 20, data: { dataset: 'random', samples: 1 } };

async function create({ store }: Jobs, key: string, sent: unknown = body, owner = 'ada') {
  return await store.create({ spec, owner, idempotency: { key, body: sent } });
}

describe('a created job', () => {
  test('wakes a worker, which takes it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    expect(jobId).toMatch(/^job_[0-9A-Z]{26}$/);
    expect(await jobs.queue.depths()).toMatchObject({ wait: 1 });
    expect(await jobs.store.reconcileQueue()).toBe(0);
    expect(await takeNext(jobs)).toMatchObject({ jobId, number: 1 });
    expect(await takeNext(jobs)).toBeNull();
  });

  test('shows its name, labels and spec', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs, { name: 'lenet', labels: { team: 'a' } });
    expect(await jobs.store.get(jobId)).toMatchObject({
      id: jobId,
      name: 'lenet',
      labels: { team: 'a' },
      spec: { ...spec, name: 'lenet', labels: { team: 'a' } },
      progress: { epoch: 0, epochs: 20, step: 0, stepsPerEpoch: 0, etaSeconds: null },
    });
  });

  test('is only visible to its owner if an owner asks', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    expect(await jobs.store.get(jobId, 'ada')).toMatchObject({ id: jobId });
    expect(await jobs.store.get(jobId, 'bob')).toBeNull();
    expect((await jobs.store.list({ limit: 10, owner: 'ada' })).data).toHaveLength(1);
    expect((await jobs.store.list({ limit: 10, owner: 'bob' })).data).toHaveLength(0);
  });
});

describe('the priority of a job', () => {
  test('decides the order and the positions of a key’s jobs; jobs of equal priority start in the order of their creation', async ({
    redis,
  }) => {
    const jobs = openJobs(redis);
    const usual = await createJob(jobs);
    const high = await createJob(jobs, { priority: 10 });
    const middle = [await createJob(jobs, { priority: 5 }), await createJob(jobs, { priority: 5 })];
    const order = [high, ...middle, usual];
    expect(await positionsOf(jobs, order)).toEqual([1, 2, 3, 4]);
    expect(await runAll(jobs)).toEqual(order);
  });
});

test('a resumed job waits behind newer jobs of the same priority, and its position shows this', async ({ redis }) => {
  const jobs = openJobs(redis);
  const [first, second] = [await createJob(jobs), await createJob(jobs)];
  const high = await createJob(jobs, { priority: 1 });
  await jobs.store.act('pause', first);
  await jobs.store.act('pause', high);
  await until(() => Date.now() > decodeTime(second.slice('job_'.length)));
  const third = await createJob(jobs);
  await jobs.store.act('resume', high);
  await until(() => Date.now() > decodeTime(third.slice('job_'.length)));
  await jobs.store.act('resume', first);
  const order = [high, second, third, first];
  expect(await positionsOf(jobs, order)).toEqual([1, 2, 3, 4]);
  expect(await runAll(jobs)).toEqual(order);
});

describe('a crash between the record and the wake-up', () => {
  test('loses nothing: the next reconciliation wakes one worker', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { jobId } = await jobs.store.record({ spec, owner: 'ada' });
    expect(await jobs.store.get(jobId)).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(await jobs.queue.depths()).toMatchObject({ wait: 0 });
    const another = openJobs(redis);
    expect(await another.store.reconcileQueue()).toBe(1);
    expect(await another.store.reconcileQueue()).toBe(0);
    expect(await jobs.queue.depths()).toMatchObject({ wait: 1 });
    expect(await runAll(jobs)).toEqual([jobId]);
  });

  test('wakes no worker for a job that was cancelled meanwhile', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { jobId } = await jobs.store.record({ spec, owner: 'ada' });
    await jobs.store.act('cancel', jobId);
    expect(await jobs.store.reconcileQueue()).toBe(0);
    expect(await takeNext(jobs)).toBeNull();
  });

  test('is repaired by the next reconciliation, like a wake-up that a crashed worker has taken', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    await redis.connect().del(`{${redis.prefix}}:train:wait`);
    expect(await jobs.store.reconcileQueue()).toBe(1);
    expect(await runAll(jobs)).toEqual([jobId]);
  });
});

test('the queue holds only a few wake-ups for many waiting jobs, and they suffice for all jobs', async ({ redis }) => {
  const jobs = openJobs(redis);
  const ids = await Promise.all(Array.from({ length: 120 }, async () => await createJob(jobs)));
  const { wait = 0 } = await jobs.queue.depths();
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThan(ids.length);
  const connection = redis.connect();
  const started: string[] = [];
  while (started.length < ids.length) {
    // A worker removes one wake-up from the queue for each job that it runs.
    expect(await connection.rpop(`{${redis.prefix}}:train:wait`)).not.toBeNull();
    const attempt = await takeNext(jobs);
    if (attempt !== null) started.push(attempt.jobId);
  }
  expect(started.toSorted()).toEqual(ids.toSorted());
});

describe('an idempotency key', () => {
  test('creates one job for twenty concurrent requests', async ({ redis }) => {
    const processes = [openJobs(redis), openJobs(redis)];
    const created = await Promise.all(Array.from({ length: 20 }, async (_, index) => await create(processes[index % 2], 'k')));
    expect(new Set(created.map(({ job }) => job.id)).size).toBe(1);
    expect(created.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect((await processes[0].store.list({ limit: 100 })).data).toHaveLength(1);
  });

  test('recognizes the same body with its fields in another order', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { job } = await create(jobs, 'k');
    const again = await create(jobs, 'k', { data: { samples: 1, dataset: 'random' }, epochs: 20 });
    expect(again).toMatchObject({ replayed: true, job: { id: job.id } });
  });

  test('with another body is refused and creates no job', async ({ redis }) => {
    const jobs = openJobs(redis);
    await create(jobs, 'k');
    for (const other of [{ ...body, epochs: 21 }, { ...body, data: [] }, null]) {
      const refusal = await create(jobs, 'k', other).catch((refused: unknown) => refused);
      expect(refusal).toBeInstanceOf(IdempotencyMismatchError);
      expect(refusal).toMatchObject({ code: 'idempotencyMismatch' });
    }
    expect((await jobs.store.list({ limit: 100 })).data).toHaveLength(1);
  });

  test('is separate for each caller', async ({ redis }) => {
    const jobs = openJobs(redis);
    const ada = await create(jobs, 'k');
    const bob = await create(jobs, 'k', { other: 'body' }, 'bob');
    expect(bob.replayed).toBe(false);
    expect(bob.job.id).not.toBe(ada.job.id);
  });

  test('is forgotten after a day', async ({ redis }) => {
    const jobs = openJobs(redis);
    await create(jobs, 'k');
    const connection = redis.connect();
    const keys = await connection.keys(`{${redis.prefix}}:idempotency:*`);
    expect(keys).toHaveLength(1);
    const seconds = await connection.ttl(keys[0]);
    expect(seconds).toBeGreaterThan(80_000);
    expect(seconds).toBeLessThanOrEqual(86_400);
  });
});

describe('the list', () => {
  test('is newest first, and shows each job once while others arrive between its pages', async ({ redis }) => {
    const jobs = openJobs(redis);
    const before: string[] = [];
    for (let count = 0; count < 7; count++) before.unshift(await createJob(jobs));
    expect(before).toEqual(before.toSorted().toReversed());
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page = await jobs.store.list({ limit: 3, ...(after === null ? {} : { after }) });
      seen.push(...page.data.map((job) => job.id));
      after = page.nextCursor;
      await createJob(jobs);
    } while (after !== null);
    expect(seen).toEqual(before);
  });

  test('has no next page when the last one is exactly full, and is empty without jobs', async ({ redis }) => {
    const jobs = openJobs(redis);
    expect(await jobs.store.list({ limit: 2 })).toEqual({ data: [], nextCursor: null });
    await createJob(jobs);
    await createJob(jobs);
    expect(await jobs.store.list({ limit: 2 })).toMatchObject({ nextCursor: null });
  });

  test('shows the position of each waiting job', async ({ redis }) => {
    const jobs = openJobs(redis);
    for (let count = 0; count < 3; count++) await createJob(jobs);
    const { data } = await jobs.store.list({ limit: 10 });
    expect(data.map((job) => job.queuePosition)).toEqual([3, 2, 1]);
    await takeNext(jobs);
    expect((await jobs.store.list({ limit: 10 })).data.map((job) => job.queuePosition)).toEqual([2, 1, null]);
  });
});
