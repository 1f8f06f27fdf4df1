// Tests that a running job is queued again if its worker is lost and no other worker takes it over.
import { Reaper } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, createJob, endLease, openJobs, runAll, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

const later = 12_000;

describe('a running job without a lease', () => {
  test('is queued again after a while, before all other jobs, and its former attempt is stale', async ({ redis }) => {
    const jobs = openJobs(redis);
    const reaper = new Reaper({ redis: redis.connect(), prefix: redis.prefix });
    const attempt = await startJob(jobs);
    await attempt.setPhase('training');
    await endLease(redis, attempt.jobId);
    await createJob(jobs);
    expect(await reaper.sweep(0)).toBe(0);
    expect(await reaper.sweep(later - 1)).toBe(0);
    expect(await reaper.sweep(later)).toBe(1);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'queued', phase: null, queuePosition: 1, attempts: 1 });
    expect(await attempt.release()).toBe('stale');
    expect((await claim(jobs, attempt.jobId)).number).toBe(2);
    const { data } = await jobs.log.range(attempt.jobId, { limit: 10, types: ['status', 'log'] });
    expect(data.map((event) => (event.event === 'status' ? event.data.status : event.event))).toEqual([
      'queued',
      'running',
      'log',
      'queued',
      'running',
    ]);
  });

  test('starts again before all other jobs, and a worker is woken for it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const another = await createJob(jobs, { priority: 10 });
    await endLease(redis, attempt.jobId);
    await redis.connect().del(`{${redis.prefix}}:train:wait`);
    const reaper = new Reaper({ redis: redis.connect(), prefix: redis.prefix });
    await reaper.sweep(0);
    await reaper.sweep(later);
    expect(await jobs.store.reconcileQueue()).toBeGreaterThan(0);
    expect(await runAll(jobs)).toEqual([attempt.jobId, another]);
  });

  test('is queued again once by several processes, and not at all if its worker has renewed the lease in the meantime', async ({
    redis,
  }) => {
    const jobs = openJobs(redis);
    const reapers = Array.from({ length: 4 }, () => new Reaper({ redis: redis.connect(), prefix: redis.prefix }));
    const [lost, back] = [await startJob(jobs), await startJob(jobs)];
    for (const { jobId } of [lost, back]) await endLease(redis, jobId);
    const sweep = async (now: number) =>
      (await Promise.all(reapers.map((reaper) => reaper.sweep(now)))).reduce((sum, count) => sum + count, 0);
    expect(await sweep(0)).toBe(0);
    await back.renew();
    expect(await sweep(later)).toBe(1);
    expect(await jobs.store.get(lost.jobId)).toMatchObject({ status: 'queued' });
    expect(await jobs.store.get(back.jobId)).toMatchObject({ status: 'running' });
    await endLease(redis, back.jobId);
    expect(await sweep(later + 1)).toBe(0);
    expect(await sweep(2 * later)).toBe(0);
    expect(await sweep(2 * later + 1)).toBe(1);
  });
});
