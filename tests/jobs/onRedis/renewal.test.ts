// Tests the renewal of a job's lease. It extends the lease, and restores an expired lease if no other worker has taken the job. If another
// worker has taken the job, the renewal reports this.
import { redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, endLease, openJobs, startJob, takeNext } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

describe('renewing a lease', () => {
  test('extends it', async ({ redis }) => {
    const attempt = await startJob(openJobs(redis));
    const connection = redis.connect();
    const lease = redisKeys(redis.prefix).lease(attempt.jobId);
    await connection.pexpire(lease, 5_000);
    const before = await connection.pexpiretime(lease);
    expect(await attempt.renew()).toEqual({ outcome: 'held', status: 'running' });
    // The renewal sets the end of the lease to 6 s from now. Before the renewal, the lease ended about 5 s from now.
    expect(await connection.pexpiretime(lease)).toBeGreaterThanOrEqual(before + 1_000);
  });

  test('restores it after it expired while no other worker has taken the job', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const connection = redis.connect();
    const lease = redisKeys(redis.prefix).lease(attempt.jobId);
    await endLease(redis, attempt.jobId);
    expect(await jobs.store.interruptLost()).toEqual([attempt.jobId]);
    expect(await attempt.renew()).toEqual({ outcome: 'held', status: 'running' });
    expect(await connection.exists(lease)).toBe(1);
    expect(await takeNext(jobs)).toBeNull();
  });

  test('reports a cancel request', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('cancel', attempt.jobId);
    expect(await attempt.renew()).toEqual({ outcome: 'held', status: 'cancelling' });
  });

  test('reports to an attempt whose job was taken over that it is stale', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await claim(jobs, attempt.jobId, 'worker-2');
    expect(await attempt.renew()).toEqual({ outcome: 'stale' });
  });
});

describe('a running job whose lease has expired', () => {
  test('is taken over before any other job starts, and its former attempt is stale', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [lost, kept] = [await startJob(jobs), await startJob(jobs)];
    const waiting = await startJob(jobs).then(async (attempt) => {
      await attempt.release();
      return attempt.jobId;
    });
    await endLease(redis, lost.jobId);
    expect(await jobs.store.interruptLost()).toEqual([lost.jobId]);
    expect(await jobs.store.interruptLost()).toEqual([]);
    const order = [await takeNext(jobs, 'worker-2'), await takeNext(jobs, 'worker-2')].map((attempt) => attempt?.jobId ?? '');
    expect(order.toSorted()).toEqual([lost.jobId, waiting].toSorted());
    expect(await jobs.store.get(lost.jobId)).toMatchObject({ status: 'running', attempts: 2, worker: 'worker-2' });
    expect(await lost.renew()).toEqual({ outcome: 'stale' });
    expect(await kept.renew()).toMatchObject({ outcome: 'held' });
  });

  test('wakes a worker', async ({ redis }) => {
    const jobs = openJobs(redis);
    const { jobId } = await startJob(jobs);
    await endLease(redis, jobId);
    await redis.connect().del(`{${redis.prefix}}:train:wait`);
    await jobs.store.interruptLost();
    expect(await jobs.queue.depths()).toMatchObject({ wait: 1 });
  });

  test('is not run again if its cancellation or pause was requested', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [first, second] = [await startJob(jobs), await startJob(jobs)];
    for (const { jobId } of [first, second]) await endLease(redis, jobId);
    await jobs.store.interruptLost();
    await jobs.store.act('cancel', first.jobId);
    await jobs.store.act('pause', second.jobId);
    expect(await takeNext(jobs)).toBeNull();
    expect(await jobs.store.get(first.jobId)).toMatchObject({ status: 'cancelled' });
    expect(await jobs.store.get(second.jobId)).toMatchObject({ status: 'paused' });
  });
});

test('a take that is repeated because its reply was lost takes one job, and a take after the release takes the next job', async ({
  redis,
}) => {
  const jobs = openJobs(redis);
  const [first, second] = [await startJob(jobs), await startJob(jobs)];
  await first.release();
  await second.release();
  const claimId = jobs.store.newClaimId();
  const once = await jobs.store.take('worker-1', claimId);
  const again = await jobs.store.take('worker-1', claimId);
  expect(again?.attempt).toMatchObject({ jobId: once?.attempt.jobId, number: 2 });
  await again?.attempt.release();
  const ids = [await takeNext(jobs), await takeNext(jobs)].map((attempt) => attempt?.jobId ?? '');
  expect(ids.toSorted()).toEqual([first.jobId, second.jobId].toSorted());
  expect(await jobs.store.take('worker-1', claimId)).toBeNull();
});
