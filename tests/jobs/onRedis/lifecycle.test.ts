// Tests all allowed and all refused changes of a job's status.
import type { JobError, JobStatus } from '@trainyard/contracts';
import { JobNotFoundError, JobStateError } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, claim, createJob, type Jobs, openJobs, result, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

const error: JobError = { code: 'nonFinite', message: 'the loss is nan', epoch: 1, step: 3 };

/** Returns the statuses in the job's events, in order. */
async function statusesOf({ log }: Jobs, jobId: string): Promise<JobStatus[]> {
  const { data } = await log.range(jobId, { limit: 100, types: ['status'] });
  return data.map((event) => (event.event === 'status' ? event.data.status : 'paused'));
}

/** Creates a job and brings it into a status. */
const brought: Record<'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled', (jobs: Jobs) => Promise<string>> = {
  queued: createJob,
  running: async (jobs) => (await startJob(jobs)).jobId,
  cancelling: async (jobs) => {
    const { jobId } = await startJob(jobs);
    await jobs.store.act('cancel', jobId);
    return jobId;
  },
  succeeded: async (jobs) => {
    const attempt = await startJob(jobs);
    await attempt.finish({ status: 'succeeded', result });
    return attempt.jobId;
  },
  failed: async (jobs) => {
    const attempt = await startJob(jobs);
    await attempt.finish({ status: 'failed', error });
    return attempt.jobId;
  },
  cancelled: async (jobs) => {
    const jobId = await createJob(jobs);
    await jobs.store.act('cancel', jobId);
    return jobId;
  },
};

describe('a run', () => {
  test('goes from queued through running to succeeded, in its record and in its events', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    expect(await jobs.store.get(jobId)).toMatchObject({ status: 'queued', attempts: 0, startedAt: null, worker: null, queuePosition: 1 });
    const attempt = await claim(jobs, jobId, 'worker-7');
    await attempt.setPhase('training');
    expect(await jobs.store.get(jobId)).toMatchObject({
      status: 'running',
      phase: 'training',
      attempts: 1,
      worker: 'worker-7',
      queuePosition: null,
      startedAt: expect.any(String) as string,
      finishedAt: null,
    });
    expect(await attempt.finish({ status: 'succeeded', result })).toEqual({ outcome: 'finished', status: 'succeeded' });
    expect(await jobs.store.get(jobId)).toMatchObject({
      status: 'succeeded',
      phase: null,
      result,
      error: null,
      finishedAt: expect.any(String) as string,
    });
    expect(await statusesOf(jobs, jobId)).toEqual(['queued', 'running', 'succeeded']);
  });

  test('that fails has its error in the record and in its last event', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    expect(await attempt.finish({ status: 'failed', error })).toEqual({ outcome: 'finished', status: 'failed' });
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'failed', error, result: null });
    const { data } = await jobs.log.range(attempt.jobId, { limit: 100 });
    expect(data.at(-1)).toMatchObject({ event: 'status', data: { jobId: attempt.jobId, status: 'failed', error } });
  });

  test('ends once: repeating the same end is confirmed, and another end changes nothing', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await attempt.finish({ status: 'succeeded', result });
    expect(await attempt.finish({ status: 'succeeded', result })).toEqual({ outcome: 'finished', status: 'succeeded' });
    expect(await attempt.finish({ status: 'failed', error })).toEqual({ outcome: 'finished', status: 'succeeded' });
    expect(await statusesOf(jobs, attempt.jobId)).toEqual(['queued', 'running', 'succeeded']);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'succeeded', error: null });
  });

  test('that is handed back is queued again, does not count an attempt without progress, and refuses its former worker', async ({
    redis,
  }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    for (let round = 1; round <= 5; round++) {
      const attempt = await claim(jobs, jobId);
      expect(attempt.number).toBe(round);
      expect(await attempt.release()).toBe('released');
      expect(await attempt.setPhase('training')).toBe('stale');
      expect(await attempt.release()).toBe('stale');
      expect(await jobs.store.get(jobId)).toMatchObject({ status: 'queued', queuePosition: 1, phase: null });
    }
  });

  test('that is handed back after a cancel request is cancelled', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('cancel', attempt.jobId);
    expect(await attempt.release()).toBe('cancelled');
    expect(await statusesOf(jobs, attempt.jobId)).toEqual(['queued', 'running', 'cancelling', 'cancelled']);
  });
});

describe('cancel', () => {
  test('makes a queued job cancelled, so that no worker runs it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    expect(await jobs.store.act('cancel', jobId)).toMatchObject({ status: 'cancelled', queuePosition: null });
    expect(await jobs.store.claim(jobId, 'worker-1')).toEqual({ outcome: 'refused', status: 'cancelled' });
    expect(await statusesOf(jobs, jobId)).toEqual(['queued', 'cancelled']);
  });

  test('makes a running job cancelling, which its worker ends as cancelled', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    expect(await jobs.store.act('cancel', attempt.jobId)).toMatchObject({ status: 'cancelling', finishedAt: null });
    expect(await attempt.finish({ status: 'cancelled' })).toEqual({ outcome: 'finished', status: 'cancelled' });
    expect(await statusesOf(jobs, attempt.jobId)).toEqual(['queued', 'running', 'cancelling', 'cancelled']);
  });

  test('has precedence over a success or a failure at the same time', async ({ redis }) => {
    const jobs = openJobs(redis);
    for (const ending of [{ status: 'succeeded', result } as const, { status: 'failed', error } as const]) {
      const attempt = await startJob(jobs);
      await jobs.store.act('cancel', attempt.jobId);
      expect(await attempt.finish(ending)).toEqual({ outcome: 'finished', status: 'cancelled' });
      expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'cancelled', result: null, error: null });
    }
  });

  test.for(['cancelling', 'cancelled'] as const)('repeated on a %s job changes nothing', async (status, { redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought[status](jobs);
    const before = await statusesOf(jobs, jobId);
    expect(await jobs.store.act('cancel', jobId)).toMatchObject({ status });
    expect(await statusesOf(jobs, jobId)).toEqual(before);
  });

  test.for(['succeeded', 'failed'] as const)('of a %s job is refused with its status', async (status, { redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought[status](jobs);
    const refusal = await jobs.store.act('cancel', jobId).catch((refused: unknown) => refused);
    expect(refusal).toBeInstanceOf(JobStateError);
    expect(refusal).toMatchObject({ code: 'wrongState', status, action: 'cancel', jobId });
    expect(await jobs.store.get(jobId)).toMatchObject({ status });
  });

  test('of a job that does not exist is refused', async ({ redis }) => {
    const { store } = openJobs(redis);
    await expect(store.act('cancel', 'job_01JZZZZZZZZZZZZZZZZZZZZZZZ')).rejects.toBeInstanceOf(JobNotFoundError);
  });

  test('by a worker is refused if nobody requested it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await expect(attempt.finish({ status: 'cancelled' })).rejects.toBeInstanceOf(JobStateError);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: 'running' });
  });
});

describe('a claim', () => {
  test.for(['succeeded', 'failed', 'cancelled'] as const)('of a %s job is refused with its status', async (status, { redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought[status](jobs);
    expect(await jobs.store.claim(jobId, 'worker-2')).toEqual({ outcome: 'refused', status });
  });

  test('of a job that does not exist has the outcome `missing`', async ({ redis }) => {
    const { store } = openJobs(redis);
    expect(await store.claim('job_01JZZZZZZZZZZZZZZZZZZZZZZZ', 'worker-2')).toEqual({ outcome: 'missing' });
  });

  test('of a job whose worker was lost while cancelling ends it', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought.cancelling(jobs);
    expect(await jobs.store.claim(jobId, 'worker-2')).toEqual({ outcome: 'cancelled' });
    expect(await jobs.store.get(jobId)).toMatchObject({ status: 'cancelled' });
  });

  test('of a running job takes it over: the attempt number rises, the former worker is refused, and the log has a line about it', async ({
    redis,
  }) => {
    const jobs = openJobs(redis);
    const lost = await startJob(jobs);
    const taken = await claim(jobs, lost.jobId, 'worker-2');
    expect(taken.number).toBe(2);
    expect(await lost.setPhase('training')).toBe('stale');
    expect(await lost.finish({ status: 'succeeded', result })).toEqual({ outcome: 'stale' });
    expect(await lost.release()).toBe('stale');
    expect(await appendLine(lost, 'info', 'I am back')).toEqual({ outcome: 'stale' });
    expect(await jobs.store.get(lost.jobId)).toMatchObject({ status: 'running', attempts: 2, worker: 'worker-2' });
    const { data } = await jobs.log.range(lost.jobId, { limit: 100, types: ['log'] });
    expect(data).toMatchObject([{ data: { level: 'warn', message: expect.stringContaining('attempt 2') as string } }]);
  });
});
