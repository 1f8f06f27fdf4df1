// Jobs with the weights of another job as initial weights, with real training. They use these weights also after their child was killed
// before the first epoch, and fail with a message if the file is missing.
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine/spec';
import { createPrepared, FolderArtifactStore, ReservedFiles } from '@trainyard/jobs';
import { expect } from 'vitest';
import { workerTest } from './fixtures/workers.ts';

const { spec } = checkSpec({
  seed: 5,
  data: { dataset: 'digits', trainLimit: 400, testLimit: 200 },
  model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
  loss: { type: 'crossEntropy' },
  optimizer: { type: 'adam', learningRate: 0.01 },
  epochs: 3,
});

const test = workerTest.extend('artifacts', async ({ workers }, { onCleanup }) => {
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  onCleanup(async () => await artifacts.close());
  return artifacts;
});

test('a job starts with the weights of another job, as its first loss shows', async ({ workers, artifacts, redis }) => {
  await workers.start({ real: true });
  const first = await workers.ended(await workers.submit(spec));
  const reservedFiles = new ReservedFiles({ redis: redis.connect(), prefix: redis.prefix, artifacts });
  const again = { ...spec, seed: 6, epochs: 1, initialWeights: { job: first.id } };
  const { job } = await createPrepared(
    { jobs: workers.jobs.store, reservedFiles, artifacts },
    { spec: again, owner: 'ada' },
    async (jobId) => {
      await artifacts.copy({ jobId: first.id, name: 'model.safetensors' }, { jobId, name: 'initial.safetensors' });
      return {};
    },
  );
  const second = await workers.ended(job.id);
  expect(second.status).toBe('succeeded');
  const [losses] = [await workers.jobs.log.epochs(first.id)];
  expect(second.result?.finalTrainLoss).toBeLessThan(losses[1]?.trainLoss ?? 0);
  const fresh = await workers.ended(await workers.submit({ ...spec, seed: 6, epochs: 1 }));
  expect(second.result?.weightsSha256).not.toBe(fresh.result?.weightsSha256);
});

test('a job whose initial weights are missing fails with that reason', async ({ workers }) => {
  await workers.start({ real: true });
  const lost = await workers.submit({ ...spec, initialWeights: { weights: 'wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } });
  expect(await workers.ended(lost)).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'initialWeightsGone' } });
});
