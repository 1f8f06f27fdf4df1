// Tests every action on a job in every status: what it changes, or that it is refused. Also tests cancel and pause requests for a job whose
// worker is lost.
import { type JobAction, type JobError, type JobStatus, jobActionNames } from '@trainyard/contracts';
import { JobNotFoundError, JobStateError } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, createJob, endLease, type Jobs, metricsOf, openJobs, result, spec, startJob } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

const error: JobError = { code: 'nonFinite', message: 'the loss is nan', epoch: 1, step: 3 };

async function paused(jobs: Jobs): Promise<string> {
  const jobId = await createJob(jobs);
  await jobs.store.act('pause', jobId);
  return jobId;
}

/** Creates a job and brings it into a status. `resumed` means queued after a resume. */
const brought: Record<JobStatus | 'resumed', (jobs: Jobs) => Promise<string>> = {
  queued: createJob,
  paused,
  resumed: async (jobs) => (await jobs.store.act('resume', await paused(jobs))).id,
  running: async (jobs) => (await startJob(jobs)).jobId,
  pausing: async (jobs) => (await jobs.store.act('pause', (await startJob(jobs)).jobId)).id,
  cancelling: async (jobs) => (await jobs.store.act('cancel', (await startJob(jobs)).jobId)).id,
  cancelled: async (jobs) => (await jobs.store.act('cancel', await createJob(jobs))).id,
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
};

type Action = (jobs: Jobs, jobId: string) => Promise<unknown>;
const ofStatus = jobActionNames.map((action): [JobAction, Action] => [action, ({ store }, jobId) => store.act(action, jobId)]);
const actions = {
  ...(Object.fromEntries(ofStatus) as Record<JobAction, Action>),
  delete: ({ store }, jobId) => store.delete(jobId),
} satisfies Record<string, Action>;

/**
 * For each action: the status after it, by the status before it; null if the job is deleted. The action is refused in every status that is
 * not listed.
 */
const leadsTo: Record<keyof typeof actions, Partial<Record<JobStatus | 'resumed', JobStatus | null>>> = {
  cancel: {
    queued: 'cancelled',
    resumed: 'cancelled',
    paused: 'cancelled',
    running: 'cancelling',
    pausing: 'cancelling',
    cancelling: 'cancelling',
    cancelled: 'cancelled',
  },
  pause: { queued: 'paused', resumed: 'paused', running: 'pausing', pausing: 'pausing', paused: 'paused' },
  resume: { paused: 'queued', resumed: 'queued' },
  delete: { succeeded: null, failed: null, cancelled: null },
};

async function statusesOf({ log }: Jobs, jobId: string): Promise<JobStatus[]> {
  const { data } = await log.range(jobId, { limit: 100, types: ['status'] });
  return data.flatMap((event) => (event.event === 'status' ? [event.data.status] : []));
}

const cases = (Object.keys(actions) as (keyof typeof actions)[]).flatMap((action) =>
  (Object.keys(brought) as (keyof typeof brought)[]).map((status) => ({ action, status, next: leadsTo[action][status] })),
);

describe('an action', () => {
  test.for(cases)('$action on a job that is $status: $next', async ({ action, status, next }, { redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought[status](jobs);
    const before = await jobs.store.get(jobId);
    const history = await statusesOf(jobs, jobId);
    const done = await actions[action](jobs, jobId).catch((refused: unknown) => refused);
    const after = await jobs.store.get(jobId);
    if (next === undefined) {
      expect(done).toBeInstanceOf(JobStateError);
      expect(done).toMatchObject({ code: 'wrongState', action, status: before?.status, jobId });
      expect(after).toEqual(before);
    } else if (next === null) {
      expect(after).toBeNull();
      expect(await jobs.store.list({ limit: 10, owner: 'ada' })).toEqual({ data: [], nextCursor: null });
      expect(await redis.connect().keys(`*${jobId}*`)).toEqual([]);
    } else {
      expect(after?.status).toBe(next);
      expect(await statusesOf(jobs, jobId)).toEqual(next === before?.status ? history : [...history, next]);
    }
  });

  test.for(Object.keys(actions) as (keyof typeof actions)[])('%s on a job that does not exist is refused', async (action, { redis }) => {
    await expect(actions[action](openJobs(redis), 'job_01JZZZZZZZZZZZZZZZZZZZZZZZ')).rejects.toBeInstanceOf(JobNotFoundError);
  });
});

describe('a pause', () => {
  test('of a queued job prevents its start until it is resumed', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await paused(jobs);
    expect(await jobs.store.get(jobId)).toMatchObject({ queuePosition: null });
    expect(await jobs.store.claim(jobId, 'worker-1')).toEqual({ outcome: 'refused', status: 'paused' });
    expect(await jobs.store.act('resume', jobId)).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect((await claim(jobs, jobId)).number).toBe(1);
    await expect(jobs.store.act('resume', jobId)).rejects.toBeInstanceOf(JobStateError);
  });

  test('is done by the attempt that runs the job and by no other, and requesting it twice changes nothing', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('pause', attempt.jobId);
    expect(await attempt.appendEpoch(metricsOf(1))).toMatchObject({ outcome: 'appended' });
    expect(await attempt.release()).toBe('paused');
    expect(await attempt.release()).toBe('paused');
    expect(await attempt.appendEpoch(metricsOf(2))).toEqual({ outcome: 'stale' });
    expect(await statusesOf(jobs, attempt.jobId)).toEqual(['queued', 'running', 'pausing', 'paused']);
  });

  test('that comes too late does not change the final status', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('pause', attempt.jobId);
    expect(await attempt.finish({ status: 'succeeded', result })).toEqual({ outcome: 'finished', status: 'succeeded' });
  });

  test('of a job whose worker was lost is done by the next claim', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await brought.pausing(jobs);
    expect(await jobs.store.claim(jobId, 'worker-2')).toEqual({ outcome: 'paused' });
    expect(await jobs.store.get(jobId)).toMatchObject({ status: 'paused' });
  });
});

describe('a job that waits for a lost worker', () => {
  test.for([
    ['cancelling', 'cancelled'],
    ['pausing', 'paused'],
  ] as const)('does not stay %s, and its worker changes nothing when it continues', async ([status, settled], { redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await (status === 'cancelling' ? jobs.store.act('cancel', attempt.jobId) : jobs.store.act('pause', attempt.jobId));
    await endLease(redis, attempt.jobId);
    expect(await jobs.store.settleAbandoned()).toBe(0);
    expect(await jobs.store.settleAbandoned(0)).toBe(1);
    expect(await jobs.store.settleAbandoned(0)).toBe(0);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ status: settled });
    expect(await attempt.release()).toBe('stale');
    expect(await statusesOf(jobs, attempt.jobId)).toEqual(['queued', 'running', status, settled]);
  });

  test('is not changed while its worker still has the lease', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await jobs.store.act('cancel', attempt.jobId);
    expect(await jobs.store.settleAbandoned(0)).toBe(0);
    expect(await attempt.finish({ status: 'cancelled' })).toEqual({ outcome: 'finished', status: 'cancelled' });
  });
});

describe("a job's checkpoint", () => {
  test('is the last one that an attempt stored, has an event, and is where the next attempt resumes', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    expect(await attempt.storeCheckpoint({ epoch: 0, step: 7, bytes: 10 }, 'a')).toEqual({ outcome: 'stored', replaced: null });
    await attempt.appendEpoch(metricsOf(1));
    expect(await attempt.storeCheckpoint({ epoch: 1, step: 0, bytes: 11 }, 'b')).toEqual({ outcome: 'stored', replaced: 'a' });
    expect(await attempt.storeCheckpoint({ epoch: 1, step: 0, bytes: 11 }, 'b')).toEqual({ outcome: 'stored', replaced: null });
    const { data } = await jobs.log.range(attempt.jobId, { limit: 100, types: ['checkpoint'] });
    expect(data.map((event) => event.data)).toEqual([
      { jobId: attempt.jobId, epoch: 0, step: 7, bytes: 10 },
      { jobId: attempt.jobId, epoch: 1, step: 0, bytes: 11 },
    ]);
    expect(await jobs.store.get(attempt.jobId)).toMatchObject({ checkpoint: { epoch: 1, step: 0, bytes: 11 } });
    expect(await jobs.store.claim(attempt.jobId, 'worker-2')).toMatchObject({ outcome: 'claimed', checkpoint: 'b' });
  });

  test('is never one of a stale attempt, and never one after a missing epoch', async ({ redis }) => {
    const jobs = openJobs(redis);
    const old = await startJob(jobs);
    const attempt = await claim(jobs, old.jobId, 'worker-2');
    expect(await old.storeCheckpoint({ epoch: 0, step: 1, bytes: 1 }, 'old')).toEqual({ outcome: 'stale' });
    await expect(attempt.storeCheckpoint({ epoch: 1, step: 0, bytes: 1 }, 'early')).rejects.toMatchObject({ code: 'epochGap' });
    expect(await jobs.store.get(old.jobId)).toMatchObject({ checkpoint: null });
  });

  test('counts as progress of an attempt only if it is beyond the previous checkpoint', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs);
    for (let step = 1; step <= 5; step++) {
      await (await claim(jobs, jobId)).storeCheckpoint({ epoch: 0, step, bytes: 1 }, `file-${step}`);
    }
    for (const again of [1, 2]) await (await claim(jobs, jobId)).storeCheckpoint({ epoch: 0, step: 5, bytes: 1 }, `again-${again}`);
    expect(await jobs.store.claim(jobId, 'worker-1')).toMatchObject({ outcome: 'claimed' });
    expect(await jobs.store.claim(jobId, 'worker-1')).toEqual({ outcome: 'crashLoop' });
  });
});

test('an idempotency key of a deleted job creates a new job', async ({ redis }) => {
  const jobs = openJobs(redis);
  const request = { spec, owner: 'ada', idempotency: { key: 'k', body: spec } };
  const { job } = await jobs.store.create(request);
  await jobs.store.act('cancel', job.id);
  await jobs.store.delete(job.id);
  const again = await jobs.store.create(request);
  expect(again.replayed).toBe(false);
  expect(again.job.id).not.toBe(job.id);
});
