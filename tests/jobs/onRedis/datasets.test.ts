// Tests the records of uploaded datasets: there is one for each content and owner, always with its file. A dataset in use cannot be deleted.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetInUseError, DatasetNotFoundError, DatasetStore, FolderArtifactStore, redisKeys, ReservedFiles } from '@trainyard/jobs';
import { checkSpec, defaultLimits, type JobSpec } from '@trainyard/engine/spec';
import { describe, expect } from 'vitest';
import { claim, openJobs } from '../../support/jobs.ts';
import { redisTest } from '../../support/redis.ts';
import { pixelsId, uploadedFiles } from '../../support/uploads.ts';

const { file, content } = uploadedFiles[pixelsId];

const test = redisTest.extend('home', async ({ redis }, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-datasets-'));
  const artifacts = await FolderArtifactStore.open(folder);
  const base = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const reservedFiles = new ReservedFiles(base);
  const datasets = new DatasetStore({ ...base, reservedFiles });
  const jobs = openJobs(redis);
  onCleanup(async () => {
    await jobs.queue.close();
    await artifacts.close();
    await rm(folder, { recursive: true, force: true });
  });
  const add = async (owner = 'ada', sha256 = content.sha256) => {
    const path = artifacts.temporaryFile();
    await writeFile(path, file);
    return await datasets.add({ owner, title: 'pixels', format: 'idx', content: { ...content, sha256 }, taken: [], file: path });
  };
  /** Returns the ids that have files. */
  const stored = async () => (await readdir(folder)).filter((name) => name.startsWith('ds_'));
  return { artifacts, base, reservedFiles, datasets, jobs, add, stored };
});

const specOn = (id: string): JobSpec =>
  checkSpec(
    {
      data: { dataset: id },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
      loss: { type: 'crossEntropy' },
      optimizer: { type: 'sgd' },
      epochs: 1,
    },
    defaultLimits,
    new Map([[id, content]]),
  ).spec;

describe('a dataset', () => {
  test('exists once for each owner and content, and is read as it was stored', async ({ home }) => {
    const { dataset, isNew } = await home.add();
    expect(isNew).toBe(true);
    expect(await home.datasets.get(dataset.id)).toEqual(dataset);
    expect(dataset).toMatchObject({ owner: 'ada', title: 'pixels', format: 'idx', content, bytes: file.length });
    expect(await home.add()).toEqual({ dataset, isNew: false });
    const other = await home.add('bob');
    expect(other.isNew).toBe(true);
    expect(await home.datasets.get(dataset.id, 'bob')).toBeNull();
    expect(await home.datasets.get('nonsense')).toBeNull();
    expect(await home.stored()).toEqual([dataset.id, other.dataset.id].toSorted());
  });

  test('of version 0.1.0, without the chosen settings, can be read', async ({ home, redis }) => {
    const { dataset } = await home.add();
    await redis.connect().hdel(redisKeys(redis.prefix).dataset(dataset.id), 'taken');
    expect(await home.datasets.get(dataset.id)).toEqual({ ...dataset, taken: [] });
  });

  test('that several processes add at once is stored once, with one file', async ({ home }) => {
    const added = await Promise.all(Array.from({ length: 5 }, async () => await home.add()));
    expect(added.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(added.map(({ dataset }) => dataset.id)).size).toBe(1);
    expect(await home.stored()).toEqual([added[0].dataset.id]);
  });

  test('whose file was stored without a record is removed', async ({ home, redis }) => {
    const id = 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D9';
    await home.reservedFiles.reserve(id);
    await home.artifacts.putBytes(id, 'dataset.npz', file);
    expect(await home.reservedFiles.sweep()).toBe(0);
    await redis.connect().zadd(redisKeys(redis.prefix).reservedFiles, Date.now() - 1, id);
    expect(await home.reservedFiles.sweep()).toBe(1);
    expect(await home.stored()).toEqual([]);
  });

  test('with a record is not removed, and the list is ordered newest first', async ({ home }) => {
    const ids: string[] = [];
    for (const digit of '0123') ids.unshift((await home.add('ada', digit.repeat(64))).dataset.id);
    expect(await home.reservedFiles.sweep(Date.now() + 1e9)).toBe(0);
    expect(await home.stored()).toHaveLength(4);
    const list = async (after?: string) =>
      (await home.datasets.list({ limit: 2, owner: 'ada', ...(after !== undefined && { after }) })).map(({ id }) => id);
    expect(await list()).toEqual(ids.slice(0, 2));
    expect(await list(ids[1])).toEqual(ids.slice(2));
    expect(await home.datasets.list({ limit: 10, owner: 'bob' })).toEqual([]);
  });
});

describe('deleting a dataset', () => {
  test('is refused while a queued, a running or a paused job uses it', async ({ home }) => {
    const { id } = (await home.add()).dataset;
    const { job } = await home.jobs.store.create({ spec: specOn(id), owner: 'ada' });
    await expect(home.datasets.delete(id)).rejects.toThrow(DatasetInUseError);
    await home.jobs.store.act('pause', job.id);
    await expect(home.datasets.delete(id)).rejects.toThrow(job.id);
    await home.jobs.store.act('resume', job.id);
    const attempt = await claim(home.jobs, job.id);
    await expect(home.datasets.delete(id)).rejects.toThrow(DatasetInUseError);
    await attempt.finish({ status: 'failed', error: { code: 'x', message: 'x', epoch: null, step: null } });
    await home.datasets.delete(id);
    expect(await home.datasets.get(id)).toBeNull();
    expect(await home.stored()).toEqual([]);
    await expect(home.datasets.delete(id)).rejects.toThrow(DatasetNotFoundError);
    await expect(home.jobs.store.create({ spec: specOn(id), owner: 'ada' })).rejects.toThrow(DatasetNotFoundError);
    expect((await home.add()).isNew).toBe(true);
  });

  test('at the same time as a new job uses it: exactly one of the two succeeds', async ({ home }) => {
    const { id } = (await home.add()).dataset;
    const [deleted, created] = await Promise.allSettled([
      home.datasets.delete(id),
      home.jobs.store.create({ spec: specOn(id), owner: 'ada' }),
    ]);
    expect([deleted.status, created.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await home.datasets.get(id)) === null).toBe(deleted.status === 'fulfilled');
  });

  test('does not become slower with the number of ended jobs', async ({ home, redis }) => {
    const { id } = (await home.add()).dataset;
    for (let i = 0; i < 20; i++) {
      const { job } = await home.jobs.store.create({ spec: specOn(id), owner: 'ada' });
      await home.jobs.store.act('cancel', job.id);
    }
    expect(await redis.connect().zcard(redisKeys(redis.prefix).usersOf(id))).toBeLessThan(5);
  });
});
