// Runs many jobs while the storage fails in all ways and training children are killed and frozen. At the end each job has every epoch once
// and in order and the same weights as an undisturbed run, and no unneeded file is left. CHAOS_SEED repeats a run's choices, CHAOS_JOBS
// sets the number of jobs.
import { isCheckpointName, isSnapshotName, openArtifacts, readSnapshot, trainedWeightsFile } from '@trainyard/jobs';
import { Generator } from '@trainyard/engine';
import { expect } from 'vitest';
import { hasEnded, until } from '../worker/fixtures/processes.ts';
import { bucket, faultyS3Test as test } from '../worker/fixtures/s3.ts';
import { storeUpload } from '../worker/fixtures/storedUpload.ts';
import { childFaults, StorageMischief, storageFaults } from './storageMischief.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const count = Number(process.env['CHAOS_JOBS'] ?? 8);
const EPOCHS = 6;

test('every job has the same result as an undisturbed run, whatever happens to the storage and to training children', async ({
  redis,
  workers,
  s3,
}) => {
  console.log(`chaos of the storage: seed ${seed}`);
  const began = performance.now();
  const { id, content } = await storeUpload(redis, workers.folder);
  const uploads = new Map([[id, content]]);
  const submitAll = async () =>
    await Promise.all(Array.from({ length: count }, async (_, index) => await workers.submit(specOf(index, id), uploads)));
  const losses = async (jobId: string) => (await workers.jobs.log.epochs(jobId)).map(({ epoch, trainLoss }) => [epoch, trainLoss]);
  const settings = { real: true, concurrency: 2, ...bucket, checkpointEveryMs: 200, heartbeatTimeoutMs: 3_000 };

  const worker = await workers.spawn(settings);
  const expected = [];
  for (const jobId of await submitAll()) {
    const { result } = await workers.ended(jobId);
    expected.push({ status: 'succeeded', weightsSha256: result?.weightsSha256, losses: await losses(jobId) });
  }
  const jobIds = await submitAll();
  const mischief = new StorageMischief({ workers, worker, s3, random: new Generator(seed) });
  const jobs = async () => await Promise.all(jobIds.map(async (id) => await workers.jobs.store.get(id)));
  await mischief.until(async () => (await jobs()).every((job) => job?.finishedAt !== null));

  const ended = await jobs();
  const actual = [];
  for (const job of ended) {
    actual.push({ status: job?.status, weightsSha256: job?.result?.weightsSha256, losses: await losses(job?.id ?? '') });
  }
  const attempts = ended.reduce((sum, job) => sum + (job?.attempts ?? 0), 0);
  const isIntact = JSON.stringify(actual) === JSON.stringify(expected);
  console.log(
    `chaos of the storage: seed ${seed}, ${count} jobs of ${EPOCHS} epochs, ${attempts} attempts, ` +
      `${[...storageFaults, ...childFaults].map((kind) => `${kind} ${mischief.done[kind]}`).join(', ')}, ` +
      `${Math.round((performance.now() - began) / 1_000)} s: ${isIntact ? 'every job intact' : 'BROKEN'}`,
  );
  expect(actual).toEqual(expected);

  const artifacts = await openArtifacts('s3://artifacts/jobs', workers.folder);
  const checkpoints = async (jobId: string) => (await artifacts.names(jobId)).filter(isCheckpointName);
  await until('the removal of all but one checkpoint of each job', async () => {
    return (await Promise.all(jobIds.map(async (jobId) => (await checkpoints(jobId)).length === 1))).every(Boolean);
  });
  worker.process.kill('SIGTERM');
  await worker.exited;
  expect(await workers.unfinishedFiles()).toEqual([]);
  const pids = worker.logs.flatMap(({ child }) => child ?? []);
  await until('the end of all processes', () => pids.every(hasEnded));
  for (const jobId of jobIds) {
    const names = await artifacts.names(jobId);
    expect(names).toContain(trainedWeightsFile);
    expect(names.filter(isCheckpointName)).toEqual([await workers.jobs.store.checkpointFile(jobId)]);
    expect(names.filter((name) => !isCheckpointName(name) && !isSnapshotName(name))).toEqual([trainedWeightsFile]);
    const reported = (await workers.events(jobId)).flatMap((event) => (event.event === 'gradients' ? [event.data.epoch] : []));
    expect(reported).toEqual(Array.from({ length: EPOCHS }, (_, at) => at + 1));
    for (const epoch of reported) expect((await readSnapshot(artifacts, jobId, 'gradients', epoch)).document).toMatchObject({ epoch });
  }
  await artifacts.close();
});

/** Half of the jobs train on an uploaded dataset, which a worker must fetch. */
function specOf(index: number, uploaded: string) {
  const noise = { dataset: 'random', inputShape: [1, 12, 12], targetShape: [3], samples: 3_000 + 500 * index, batchSize: 4 };
  const [data, loss, outFeatures] =
    index % 2 === 0 ? [noise, 'mse', 3] : [{ dataset: uploaded, testSplit: 0.2, batchSize: 1 }, 'crossEntropy', 10];
  return {
    seed: index,
    data,
    model: {
      layers: [{ type: 'conv2d', outChannels: 4, kernelSize: 3 }, { type: 'relu' }, { type: 'flatten' }, { type: 'linear', outFeatures }],
    },
    loss: { type: loss },
    optimizer: { type: 'sgd', learningRate: 0.01, momentum: 0.9 },
    epochs: EPOCHS,
  };
}
