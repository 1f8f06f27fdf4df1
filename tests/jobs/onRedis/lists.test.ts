// Tests that the lists of jobs by status, label, owner and time are always correct, and that a deleted job is in none of them.
import { type JobStatus, jobStatus } from '@trainyard/contracts';
import { engineVersion } from '@trainyard/engine/spec';
import { redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { claim, createJob, endLease, type Jobs, openJobs, result, spec } from '../../support/jobs.ts';
import { redisTest as test } from '../../support/redis.ts';

/** Returns the statuses whose lists contain the job: the lists of all jobs, of its owner, of its labels, and of both. */
async function statusesOf({ store }: Jobs, jobId: string): Promise<JobStatus[][]> {
  const filters = [{}, { owner: 'ada' }, { label: 'team:a' }, { owner: 'ada', label: 'stage:one two' }];
  return await Promise.all(
    filters.map(async (filter) => {
      const found: JobStatus[] = [];
      for (const status of jobStatus.options) {
        const { data } = await store.list({ limit: 10, status, ...filter });
        if (data.some(({ id }) => id === jobId)) found.push(status);
      }
      return found;
    }),
  );
}

const labels = { team: 'a', stage: 'one two' };

describe('a job is only in the lists of its status', () => {
  test('through all changes of its status, and in none after it is deleted', async ({ redis }) => {
    const jobs = openJobs(redis);
    const jobId = await createJob(jobs, { labels });
    await createJob(jobs);
    const expectOnly = async (status: JobStatus): Promise<void> => {
      expect(await statusesOf(jobs, jobId)).toEqual([[status], [status], [status], [status]]);
    };
    await expectOnly('queued');
    await jobs.store.act('pause', jobId);
    await expectOnly('paused');
    await jobs.store.act('resume', jobId);
    const attempt = await claim(jobs, jobId);
    await expectOnly('running');
    await attempt.release();
    await expectOnly('queued');
    const second = await claim(jobs, jobId);
    await jobs.store.act('pause', jobId);
    await expectOnly('pausing');
    await jobs.store.act('cancel', jobId);
    await expectOnly('cancelling');
    await second.finish({ status: 'cancelled' });
    await expectOnly('cancelled');
    await jobs.store.delete(jobId);
    expect(await statusesOf(jobs, jobId)).toEqual([[], [], [], []]);
    const lists = await redis.connect().keys(`${redisKeys(redis.prefix).tag}:list:*`);
    for (const list of lists) expect(await redis.connect().zscore(list, jobId), list).toBeNull();
    expect(lists.some((list) => list.includes('team:a'))).toBe(false);
  });

  test('also when its worker is lost, and when its last attempt has failed', async ({ redis }) => {
    const jobs = openJobs(redis);
    const [abandoned, looping] = [await createJob(jobs, { labels }), await createJob(jobs, { labels })];
    await claim(jobs, abandoned);
    await jobs.store.act('pause', abandoned);
    await endLease(redis, abandoned);
    await jobs.store.settleAbandoned(0);
    expect((await statusesOf(jobs, abandoned))[3]).toEqual(['paused']);
    for (let attempt = 0; attempt < 3; attempt++) await claim(jobs, looping);
    expect(await jobs.store.claim(looping, 'worker-1')).toEqual({ outcome: 'crashLoop' });
    expect((await statusesOf(jobs, looping))[3]).toEqual(['failed']);
  });
});

test('pages contain each job once while other jobs are created, end and are deleted', async ({ redis }) => {
  const jobs = openJobs(redis);
  const ids: string[] = [];
  for (let count = 0; count < 30; count++) ids.push(await createJob(jobs, { labels }));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await jobs.store.list({ limit: 7, label: 'team:a', owner: 'ada', after });
    seen.push(...page.data.map(({ id }) => id));
    after = page.nextCursor ?? undefined;
    await createJob(jobs, { labels });
    const last = seen.at(-1) ?? '';
    // The job that the cursor names may be deleted too.
    await (await claim(jobs, last)).finish({ status: 'succeeded', result });
    await jobs.store.delete(last);
  } while (after !== undefined);
  expect(seen).toEqual(ids.toReversed());
});

test("an owner's lists do not contain jobs of other owners", async ({ redis }) => {
  const jobs = openJobs(redis);
  const { job } = await jobs.store.create({ spec: { ...spec, labels }, owner: 'bob' });
  await createJob(jobs, { labels });
  const listed = await jobs.store.list({ limit: 10, label: 'team:a', status: 'queued', owner: 'bob' });
  expect(listed.data.map(({ id }) => id)).toEqual([job.id]);
});

test('a job whose data has changed since its creation, and its retry, are not reused for equal specs', async ({ redis }) => {
  const jobs = openJobs(redis);
  const made = { spec: { ...spec, labels }, owner: 'ada', reuseKey: 'key', dataDigest: 'a' };
  const [same, other] = [await jobs.store.create(made), await jobs.store.create(made)];
  const [first, second] = [await claim(jobs, same.job.id), await claim(jobs, other.job.id)];
  expect(await first.compareData('a')).toBe('same');
  expect([await second.compareData('b'), await second.compareData('a')]).toEqual(['other', 'same']);
  await first.finish({ status: 'succeeded', result: { ...result, engineVersion } });
  await second.finish({ status: 'failed', error: { code: 'diskFull', message: 'no room', epoch: null, step: null } });
  const retry = await jobs.store.create({ spec: made.spec, owner: 'ada', origin: { retryOf: other.job.id } });
  await (await claim(jobs, retry.job.id)).finish({ status: 'succeeded', result: { ...result, engineVersion } });
  expect((await jobs.store.reusable('key', 'ada'))?.id).toBe(same.job.id);
  const listed = await jobs.store.list({ limit: 10, label: 'team:a' });
  expect(listed.data.map(({ id }) => id)).toEqual([retry.job.id, other.job.id, same.job.id]);
  expect(await second.compareData('b')).toBe('stale');
  await jobs.store.delete(same.job.id);
  expect(await jobs.store.reusable('key', 'ada')).toBeNull();
});
