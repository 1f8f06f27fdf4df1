// The sign of life that a worker gives for a job: it keeps the delivery, gets it back while nobody else has it, and learns
// when somebody has.
import { deliveryKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, openJobs, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

describe('renewing a delivery', () => {
  test('prolongs the lock and clears the suspicion', async ({ redis }) => {
    const attempt = await startJob(openJobs(redis));
    const connection = redis.connect();
    const { lock, suspects } = deliveryKeys(redisKeys(redis.prefix).tag, attempt.jobId);
    await connection.set(lock, 'mine', 'PX', 5_000);
    await connection.sadd(suspects, attempt.jobId);
    const before = await connection.pexpiretime(lock);
    expect(await attempt.renew('mine')).toEqual({ outcome: 'held', status: 'running' });
    // It lasts 6 s from now on, which is later than the 5 s from before.
    expect(await connection.pexpiretime(lock)).toBeGreaterThanOrEqual(before + 1_000);
    expect(await connection.scard(suspects)).toBe(0);
  });

  test('takes a lock again that ran out while the delivery was still ours', async ({ redis }) => {
    const attempt = await startJob(openJobs(redis));
    const connection = redis.connect();
    const { lock, active } = deliveryKeys(redisKeys(redis.prefix).tag, attempt.jobId);
    await connection.rpush(active, 'another', attempt.jobId);
    expect(await attempt.renew('mine')).toEqual({ outcome: 'held', status: 'running' });
    expect(await connection.get(lock)).toBe('mine');
  });

  test('leaves the delivery alone that waits for another worker, or has one', async ({ redis }) => {
    const attempt = await startJob(openJobs(redis));
    const connection = redis.connect();
    const { lock } = deliveryKeys(redisKeys(redis.prefix).tag, attempt.jobId);
    expect(await attempt.renew('mine')).toEqual({ outcome: 'waiting', status: 'running' });
    expect(await connection.get(lock)).toBeNull();
    await connection.set(lock, 'theirs');
    expect(await attempt.renew('mine')).toEqual({ outcome: 'taken', status: 'running' });
    expect(await connection.get(lock)).toBe('theirs');
  });

  test('tells of a wish to cancel', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.requestCancel(attempt.jobId);
    expect(await attempt.renew('mine')).toEqual({ outcome: 'waiting', status: 'cancelling' });
  });

  test('tells an attempt that was overtaken that it is stale', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await claim(jobs, attempt.jobId, 'worker-2');
    expect(await attempt.renew('mine')).toEqual({ outcome: 'stale' });
  });
});
