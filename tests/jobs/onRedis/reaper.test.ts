// Running jobs whose worker is gone while no other is there: they do not stay running.
import { Reaper, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, createJob, openJobs, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

const later = 12_000;

describe('a running job without a lease', () => {
  test('is queued again after a while, where it was by its priority, and its attempt counts no more', async ({ redis }) => {
    const jobs = openJobs(redis);
    const reaper = new Reaper({ redis: redis.connect(), prefix: redis.prefix });
    const attempt = await startJob(jobs);
    await attempt.setPhase('training');
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

  test('comes back into the queue, also where the queue has forgotten it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.queue.remove(attempt.jobId);
    const reaper = new Reaper({ redis: redis.connect(), prefix: redis.prefix });
    await reaper.sweep(0);
    await reaper.sweep(later);
    expect(await jobs.store.reconcileOutbox(-1)).toBe(1);
    expect(await redis.connect().exists(`${redisKeys(redis.prefix).tag}:train:${attempt.jobId}`)).toBe(1);
  });

  test('is reaped once by several processes, and left alone when its worker came back meanwhile', async ({ redis }) => {
    const jobs = openJobs(redis);
    const reapers = Array.from({ length: 4 }, () => new Reaper({ redis: redis.connect(), prefix: redis.prefix }));
    const [lost, back] = [await startJob(jobs), await startJob(jobs)];
    const sweep = async (now: number) =>
      (await Promise.all(reapers.map((reaper) => reaper.sweep(now)))).reduce((sum, count) => sum + count, 0);
    expect(await sweep(0)).toBe(0);
    await redis.connect().set(`${redisKeys(redis.prefix).tag}:train:${back.jobId}:lock`, 'token');
    expect(await sweep(later)).toBe(1);
    expect(await jobs.store.get(lost.jobId)).toMatchObject({ status: 'queued' });
    expect(await jobs.store.get(back.jobId)).toMatchObject({ status: 'running' });
    await redis.connect().del(`${redisKeys(redis.prefix).tag}:train:${back.jobId}:lock`);
    expect(await sweep(later + 1)).toBe(0);
    expect(await sweep(2 * later)).toBe(0);
    expect(await sweep(2 * later + 1)).toBe(1);
  });
});
