// Tests the retention of ended jobs by age and by number, with several processes at once and with crashes.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderArtifactStore, redisKeys, ReservedFiles, Retention, type RetentionLimits } from '@trainyard/jobs';
import { expect } from 'vitest';
import { claim, createJob, type Jobs, openJobs, result } from '../../support/jobs.ts';
import { redisTest, type TestRedis } from '../../support/redis.ts';

const dayMs = 24 * 60 * 60 * 1_000;

const test = redisTest.extend('folder', async ({ redis: _redis }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-retention-'));
  onCleanup(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
});

/** Creates a retention with its own connections and stores, as another process would have. */
async function openRetention(redis: TestRedis, folder: string, limits: Partial<RetentionLimits>) {
  const artifacts = await FolderArtifactStore.open(folder);
  const options = { redis: redis.connect(), prefix: redis.prefix };
  const reservedFiles = new ReservedFiles({ ...options, artifacts });
  const jobs = openJobs(redis).store;
  return {
    artifacts,
    reservedFiles,
    retention: new Retention({ ...options, jobs, reservedFiles, limits: { days: null, jobs: null, ...limits } }),
  };
}

async function succeeded(jobs: Jobs, artifacts: FolderArtifactStore): Promise<string> {
  const jobId = await createJob(jobs);
  await (await claim(jobs, jobId)).finish({ status: 'succeeded', result });
  await artifacts.putBytes(jobId, 'model.safetensors', Buffer.from('weights'));
  return jobId;
}

const filesOf = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('job_')).toSorted();

async function expectOnly(redis: TestRedis, folder: string, ids: readonly string[], files: readonly string[]): Promise<void> {
  const { tag } = redisKeys(redis.prefix);
  const names = async (kind: string) => (await redis.connect().keys(`${tag}:${kind}:*`)).map((key) => key.split(':').at(-1)).toSorted();
  expect(await names('job')).toEqual([...ids].toSorted());
  expect(await names('events')).toEqual([...ids].toSorted());
  expect(await filesOf(folder)).toEqual([...files].toSorted());
}

test('a limit by number keeps the newest ended jobs, and running jobs do not count', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, retention } = await openRetention(redis, folder, { jobs: 2 });
  const running = (await claim(jobs, await createJob(jobs))).jobId;
  const ids = [await succeeded(jobs, artifacts), await succeeded(jobs, artifacts), await succeeded(jobs, artifacts)];
  const cancelled = await createJob(jobs);
  await jobs.store.act('cancel', cancelled);
  const queued = await createJob(jobs);
  expect(await retention.sweep()).toBe(2);
  expect(await retention.sweep()).toBe(0);
  await expectOnly(redis, folder, [running, queued, cancelled, ids[2] ?? ''], [ids[2] ?? '']);
});

test('a limit by age removes jobs that ended long ago, counted from their end and not from their creation', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, retention } = await openRetention(redis, folder, { days: 30 });
  const old = await succeeded(jobs, artifacts);
  const late = await succeeded(jobs, artifacts);
  const paused = await createJob(jobs);
  await jobs.store.act('pause', paused);
  const now = Date.now() + 30 * dayMs;
  await redis.connect().hset(redisKeys(redis.prefix).job(late), 'finishedAt', new Date(now - dayMs).toISOString());
  expect(await retention.sweep()).toBe(0);
  expect(await retention.sweep(now + 1_000)).toBe(1);
  expect(await jobs.store.get(old)).toBeNull();
  await expectOnly(redis, folder, [late, paused], [late]);
});

test('without limits all jobs stay', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, retention } = await openRetention(redis, folder, {});
  const id = await succeeded(jobs, artifacts);
  expect(await retention.sweep(Date.now() + 10_000 * dayMs)).toBe(0);
  await expectOnly(redis, folder, [id], [id]);
});

test('an age limit longer than any possible age keeps all jobs', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, retention } = await openRetention(redis, folder, { days: 100_000 });
  const id = await succeeded(jobs, artifacts);
  expect(await retention.sweep()).toBe(0);
  await expectOnly(redis, folder, [id], [id]);
});

test('several processes at once remove each job once', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const processes = await Promise.all(Array.from({ length: 4 }, async () => await openRetention(redis, folder, { jobs: 3 })));
  const [first] = processes;
  const ids: string[] = [];
  for (let count = 0; count < 20; count++) ids.push(await succeeded(jobs, first.artifacts));
  const removed = await Promise.all(processes.map(async ({ retention }) => await retention.sweep()));
  expect(removed.reduce((sum, count) => sum + count, 0)).toBe(17);
  await expectOnly(redis, folder, ids.slice(-3), ids.slice(-3));
  expect(await redis.connect().exists(redisKeys(redis.prefix).reservedFiles)).toBe(0);
});

test('after a crash during the removal, the next sweep removes the remaining files', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, reservedFiles } = await openRetention(redis, folder, { jobs: 1 });
  const ids = [await succeeded(jobs, artifacts), await succeeded(jobs, artifacts)];
  // This process removes the job and then fails, because it cannot reach the files. A process that crashes between these two steps leaves
  // the same state.
  const elsewhere = await mkdtemp(join(tmpdir(), 'trainyard-retention-'));
  const crashing = await openRetention(redis, elsewhere, { jobs: 1 });
  await rm(elsewhere, { recursive: true });
  await expect(crashing.retention.sweep()).rejects.toThrow(/ENOENT/);
  await expectOnly(redis, folder, ids.slice(1), ids);
  await reservedFiles.sweep();
  await expectOnly(redis, folder, ids.slice(1), ids.slice(1));
});

test('files that cannot be removed do not prevent the removal of others', async ({ redis, folder }) => {
  const jobs = openJobs(redis);
  const { artifacts, reservedFiles } = await openRetention(redis, folder, {});
  const ids = [await succeeded(jobs, artifacts), await succeeded(jobs, artifacts)];
  for (const id of ids) await jobs.store.delete(id);
  const remove = artifacts.deleteJob.bind(artifacts);
  artifacts.deleteJob = async (id) => {
    if (id === ids[0]) throw new Error('not permitted');
    await remove(id);
  };
  await expect(reservedFiles.sweep()).rejects.toThrow('not permitted');
  await expectOnly(redis, folder, [], ids.slice(0, 1));
});
