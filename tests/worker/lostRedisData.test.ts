// Redis loses its data while a job trains, and a backup is restored: the files of the job still exist, and the job resumes.
import { FolderArtifactStore, redisKeys, ReservedFiles } from '@trainyard/jobs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { hasRedisProcess } from '../support/redis.ts';
import { until } from './fixtures/processes.ts';
import { workerTest } from './fixtures/workers.ts';

// The embedded Redis has no backups: it does not support DUMP and RESTORE.
workerTest.skipIf(!hasRedisProcess)(
  'a job whose Redis lost its data keeps its files, and resumes from them when a backup is restored',
  async ({ workers, redis }) => {
    const { logs } = await workers.start();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`resume epochs:2 checkpoint hold:${go} epochs:1 save`);
    await until('the checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint !== null);
    const client = redis.connect();
    const names = await client.keys(`${redisKeys(redis.prefix).tag}:*`);
    // The backup omits keys that expire, such as leases and locks: they would have expired before a real backup is restored.
    const ttls = await Promise.all(names.map(async (name) => [name, await client.pttl(name)] as const));
    const kept = ttls.flatMap(([name, ttl]) => (ttl === -1 ? [name] : []));
    const backup = await Promise.all(kept.map(async (name) => [name, await client.dumpBuffer(name)] as const));
    await client.unlink(...names);
    await until('that the worker has dropped the job', () => logs.some(({ msg }) => msg.startsWith('dropping the job')));
    const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
    const reservedFiles = new ReservedFiles({ redis: client, prefix: redis.prefix, artifacts });
    await until(
      'that its files are to be removed',
      async () => (await client.zscore(redisKeys(redis.prefix).reservedFiles, jobId)) !== null,
    );
    expect(await reservedFiles.sweep()).toBe(0);
    expect(await artifacts.names(jobId)).toHaveLength(1);

    for (const [name, value] of backup) if (value !== null) await client.restore(name, 0, value, 'REPLACE');
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 2 });
    // The second attempt resumes after epoch 2 and trains the three epochs of the script.
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3, 4, 5]);
    expect(logs.filter(({ checkpoint }) => typeof checkpoint === 'string')).toHaveLength(1);
    expect(await reservedFiles.sweep(Date.now() + 2 * 86_400_000)).toBeLessThanOrEqual(1);
    expect(await artifacts.names(jobId)).toContain('model.safetensors');
    await artifacts.close();
  },
);

workerTest('the files of a job are removed one day after Redis lost the job', async ({ workers, redis }) => {
  const { logs } = await workers.start();
  const jobId = await workers.create('epochs:2 checkpoint hold:never');
  await until('the checkpoint', async () => (await workers.jobs.store.get(jobId))?.checkpoint !== null);
  const client = redis.connect();
  const keys = redisKeys(redis.prefix);
  await client.unlink(keys.job(jobId));
  await until('that the worker has dropped the job', () => logs.some(({ msg }) => msg.startsWith('dropping the job')));
  await until('that its files are to be removed', async () => (await client.zscore(keys.reservedFiles, jobId)) !== null);
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  const reservedFiles = new ReservedFiles({ redis: client, prefix: redis.prefix, artifacts });
  const hour = 3_600_000;
  expect(await reservedFiles.sweep(Date.now() + 23 * hour)).toBe(0);
  expect(await reservedFiles.sweep(Date.now() + 25 * hour)).toBe(1);
  expect(await artifacts.names(jobId)).toEqual([]);
  await artifacts.close();
});
