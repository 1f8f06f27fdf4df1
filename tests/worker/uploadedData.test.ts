// Jobs on uploaded datasets. A worker fetches the data from the artifact store, keeps a copy for the next job, and removes copies of
// deleted datasets.
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatasetRecord, DatasetStore, FolderArtifactStore, ReservedFiles } from '@trainyard/jobs';
import { UploadedData } from '@trainyard/worker';
import { pino } from 'pino';
import { expect } from 'vitest';
import type { TestRedis } from '../support/redis.ts';
import { pixelsId, uploadedFiles } from '../support/uploads.ts';
import { workerTest as test, type Workers } from './fixtures/workers.ts';

interface Uploads {
  readonly artifacts: FolderArtifactStore;
  readonly datasets: DatasetStore;
  readonly dataset: DatasetRecord;
}

/** Stores a dataset in the artifact store of the workers. */
async function openUploads(workers: Workers, redis: TestRedis, onCleanup: (close: () => Promise<void>) => void): Promise<Uploads> {
  const artifacts = await FolderArtifactStore.open(workers.settings({}).artifactsFolder);
  onCleanup(async () => await artifacts.close());
  const base = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const datasets = new DatasetStore({ ...base, reservedFiles: new ReservedFiles(base) });
  const { file, content } = uploadedFiles[pixelsId];
  const path = artifacts.temporaryFile();
  await writeFile(path, file);
  const { dataset } = await datasets.add({ owner: 'ada', title: 'pixels', format: 'npy', content, taken: [], file: path });
  return { artifacts, datasets, dataset };
}

const specOn = ({ id }: DatasetRecord) => ({
  seed: 1,
  data: { dataset: id, testSplit: 0.2, batchSize: 16 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.1 },
  epochs: 2,
});

test('a job is trained on an uploaded dataset, and the next one on the same copy', async ({ workers, redis, onTestFinished }) => {
  const { artifacts, dataset } = await openUploads(workers, redis, onTestFinished);
  const uploads = new Map([[dataset.id, dataset.content]]);
  await workers.start({ real: true });
  const first = await workers.ended(await workers.submit(specOn(dataset), uploads));
  expect(first).toMatchObject({ status: 'succeeded', attempts: 1, latest: { testAccuracy: expect.any(Number) as number } });
  // The file is removed from the store. The next job uses the copy.
  await artifacts.delete(dataset.id, 'dataset.npz');
  const second = await workers.ended(await workers.submit(specOn(dataset), uploads));
  expect(second.result?.weightsSha256).toBe(first.result?.weightsSha256);
});

test('a job whose dataset was removed from the store fails at once with that reason', async ({ workers, redis, onTestFinished }) => {
  const { artifacts, dataset } = await openUploads(workers, redis, onTestFinished);
  await artifacts.delete(dataset.id, 'dataset.npz');
  await workers.start();
  const job = await workers.ended(await workers.submit(specOn(dataset), new Map([[dataset.id, dataset.content]])));
  expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'datasetUnavailable', epoch: null } });
  expect(job.error?.message).toContain(dataset.id);
});

test('a job whose dataset was changed in the store fails with that reason', async ({ workers, redis, onTestFinished }) => {
  const { artifacts, dataset } = await openUploads(workers, redis, onTestFinished);
  await artifacts.putBytes(dataset.id, 'dataset.npz', Uint8Array.of(1, 2, 3));
  await workers.start();
  const job = await workers.ended(await workers.submit(specOn(dataset), new Map([[dataset.id, dataset.content]])));
  expect(job).toMatchObject({ status: 'failed', error: { code: 'datasetUnavailable' } });
  expect(await readdir(join(workers.folder, 'datasets', dataset.id))).toEqual([]);
});

test('copies of deleted datasets, least recently used copies and unfinished copies are removed', async ({
  workers,
  redis,
  onTestFinished,
}) => {
  const { artifacts, datasets, dataset } = await openUploads(workers, redis, onTestFinished);
  const home = workers.folder;
  const copies = new UploadedData({ artifacts, home, log: pino({ level: 'silent' }), roomBytes: dataset.bytes + 1 });
  const data = { ...specOn(dataset).data, content: dataset.content, shuffle: true, dropLast: false, transforms: [] };
  const there = async () => (await readdir(join(home, 'datasets'))).toSorted();
  const never = new AbortController().signal;

  expect(await copies.provide(data, never)).toBeNull();
  const crashed = join(home, 'datasets', `${dataset.id}.x.unfinished`);
  await writeFile(crashed, 'half');
  await copies.sweep();
  expect(await there()).toEqual([dataset.id, `${dataset.id}.x.unfinished`]);
  await utimes(crashed, 0, 0);
  await copies.sweep();
  expect(await there()).toEqual([dataset.id]);

  // Stores a second dataset. The folder has no room for two.
  const other = 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D9';
  await artifacts.putBytes(other, 'dataset.npz', uploadedFiles[pixelsId].file);
  await mkdir(join(home, 'datasets', 'mnist'));
  expect(await copies.provide({ ...data, dataset: other }, never)).toBeNull();
  await utimes(join(home, 'datasets', dataset.id, 'dataset.npz'), 1, 1);
  await copies.sweep();
  expect(await there()).toEqual([other, 'mnist'].toSorted());

  expect(await copies.provide(data, never)).toBeNull();
  await datasets.delete(dataset.id);
  await copies.sweep();
  expect(await there()).toEqual([other, 'mnist'].toSorted());
});
