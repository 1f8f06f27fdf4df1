// Jobs on a published dataset, with real training. If the dataset files have changed since the creation of a job, the job is not reused.
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine/spec';
import { NodeDatasetFiles } from '@trainyard/engine/node';
import { dataDigestOf, DatasetDigests, reuseKeyOf } from '@trainyard/jobs';
import { expect } from 'vitest';
import { makeDataFolder } from '../support/dataFolder.ts';
import { workerTest as test } from './fixtures/workers.ts';

const { spec } = checkSpec({
  name: 'reused',
  labels: { team: 'a' },
  data: { dataset: 'mnist', trainLimit: 64, testLimit: 32 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'sgd', learningRate: 0.01 },
  epochs: 1,
});

test('a job is reused only for the dataset files that its worker has used', async ({ workers }) => {
  const folder = await makeDataFolder();
  await rename(folder.path, join(workers.folder, 'datasets'));
  await workers.start({ real: true });
  const { store } = workers.jobs;
  const files = new NodeDatasetFiles({ folders: [], home: workers.folder });
  const there = (await dataDigestOf(spec, new DatasetDigests(files))) ?? expect.unreachable();
  const elsewhere = (await dataDigestOf(spec, new DatasetDigests({ locate: () => Promise.resolve(null) }))) ?? expect.unreachable();
  expect(elsewhere).not.toBe(there);
  const ids: string[] = [];
  for (const dataDigest of [there, elsewhere]) {
    const { job } = await store.create({ spec, owner: 'ada', dataDigest, reuseKey: reuseKeyOf(spec, null, dataDigest) });
    expect((await workers.ended(job.id)).status).toBe('succeeded');
    ids.push(job.id);
  }
  expect((await store.reusable(reuseKeyOf(spec, null, there), 'ada'))?.id).toBe(ids[0]);
  expect(await store.reusable(reuseKeyOf(spec, null, elsewhere), 'ada')).toBeNull();
  const labelled = await store.list({ limit: 10, status: 'succeeded', label: 'team:a' });
  expect(labelled.data.map(({ id }) => id)).toEqual(ids.toReversed());
});
