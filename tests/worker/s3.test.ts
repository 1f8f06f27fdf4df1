// Workers whose artifacts are in a bucket. A job needs no files from the machine of an earlier worker.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetStore, openArtifacts, readSnapshot, ReservedFiles } from '@trainyard/jobs';
import { expect } from 'vitest';
import { pixelsId, uploadedFiles } from '../support/uploads.ts';
import { until } from './fixtures/processes.ts';
import { s3Test as test } from './fixtures/s3.ts';

const spec = {
  seed: 4,
  data: { dataset: 'digits', trainLimit: 1_000, testLimit: 40, batchSize: 2 },
  model: { layers: [{ type: 'conv2d', outChannels: 4, kernelSize: 5 }, { type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam' },
  epochs: 6,
};

test('a paused job resumes on another worker from the files in the bucket', async ({ workers, s3, onTestFinished }) => {
  const homes: string[] = [];
  onTestFinished(async () => {
    for (const home of homes) await rm(home, { recursive: true, force: true });
  });
  const start = async () => {
    const home = await mkdtemp(join(tmpdir(), 'trainyard-s3-worker-'));
    homes.push(home);
    const artifacts = await openArtifacts(`s3://${s3.bucket}/jobs`, home);
    const artifactsUrl = `s3://${s3.bucket}/jobs`;
    const worker = await workers.start({ real: true, program: 'heldChild.ts', checkpointEveryMs: 50, artifactsUrl, home });
    return {
      artifacts,
      close: async () => {
        await worker.close();
        await artifacts.close();
      },
    };
  };

  const first = await start();
  const undisturbed = await workers.ended(await workers.submit(spec));
  const letGo = await workers.hold('epoch');
  const jobId = await workers.submit(spec);
  await workers.untilEpoch(jobId, 1);
  await workers.jobs.store.act('pause', jobId);
  await letGo();
  await until('the pause', async () => (await workers.jobs.store.get(jobId))?.status === 'paused');
  await first.close();
  const second = await start();
  await workers.jobs.store.act('resume', jobId);
  const job = await workers.ended(jobId);
  expect(job).toMatchObject({ status: 'succeeded', attempts: 2, result: { weightsSha256: undisturbed.result?.weightsSha256 } });
  expect(await second.artifacts.stat(jobId, 'model.safetensors')).toMatchObject({ sha256: expect.any(String) as string });
  for (const epoch of [1, 2, 3, 4, 5, 6]) {
    expect((await readSnapshot(second.artifacts, jobId, 'gradients', epoch)).document).toMatchObject({ epoch });
  }
  await second.close();
});

test('a job is trained on an uploaded dataset that is only stored in the bucket', async ({ workers, redis, s3, onTestFinished }) => {
  const home = await mkdtemp(join(tmpdir(), 'trainyard-s3-worker-'));
  onTestFinished(async () => await rm(home, { recursive: true, force: true }));
  const artifacts = await openArtifacts(`s3://${s3.bucket}/jobs`, home);
  const base = { redis: redis.connect(), prefix: redis.prefix, artifacts };
  const datasets = new DatasetStore({ ...base, reservedFiles: new ReservedFiles(base) });
  const { file, content } = uploadedFiles[pixelsId];
  const path = artifacts.temporaryFile();
  await writeFile(path, file);
  const { dataset } = await datasets.add({ owner: 'ada', title: 'pixels', format: 'npy', content, taken: [], file: path });

  const worker = await workers.start({ real: true, artifactsUrl: `s3://${s3.bucket}/jobs`, home });
  const data = { dataset: dataset.id, testSplit: 0.2 };
  const job = await workers.ended(await workers.submit({ ...spec, data }, new Map([[dataset.id, content]])));
  await worker.close();
  expect(job).toMatchObject({ status: 'succeeded', attempts: 1 });
  await datasets.delete(dataset.id);
  expect(await artifacts.stat(dataset.id, 'dataset.npz')).toBeNull();
  await artifacts.close();
});
