// Jobs that train a part of their network, with groups of weights and balanced classes, on a worker with the real engine.
import { join } from 'node:path';
import { FolderArtifactStore, readSnapshot } from '@trainyard/jobs';
import { expect } from 'vitest';
import { childOf, workerTest as test } from './fixtures/workers.ts';

const conv = { type: 'conv2d', outChannels: 2, kernelSize: 5 };
const body = {
  seed: 7,
  data: {
    dataset: 'digits',
    trainLimit: 400,
    testLimit: 40,
    batchSize: 4,
    sampling: 'balanced',
    transforms: [{ type: 'randomCrop', size: 24 }],
  },
  model: {
    layers: [
      { ...conv, name: 'conv1' },
      { type: 'batchNorm2d', name: 'bn1' },
      { ...conv, name: 'conv2' },
      { type: 'dropout', p: 0.1 },
      { type: 'flatten' },
      { type: 'linear', name: 'fc', outFeatures: 10 },
    ],
  },
  loss: { type: 'crossEntropy', weight: 'balanced' },
  optimizer: { type: 'adamW', learningRate: 0.001, groups: [{ layers: 'fc', learningRate: 0.01, weightDecay: 0 }] },
  freeze: ['conv1', 'bn1'],
  epochs: 3,
};

test('a job with frozen weights, groups and balanced classes ends with the same bits after its child was killed', async ({ workers }) => {
  const worker = await workers.start({ real: true, program: 'heldChild.ts' });
  const undisturbed = await workers.ended(await workers.submit(body));
  const letGo = await workers.hold('epoch');
  const jobId = await workers.submit(body);
  await workers.untilEpoch(jobId, 1);
  process.kill(await childOf(worker, jobId), 'SIGKILL');
  await letGo();
  const job = await workers.ended(jobId);
  expect(job.status).toBe('succeeded');
  expect(job.attempts).toBeGreaterThan(1);
  expect(job.result?.weightsSha256).toBe(undisturbed.result?.weightsSha256);

  const trained = 2 * 2 * 25 + 2 + (2 * 16 * 16 + 1) * 10;
  expect(job.result).toMatchObject({ trainedParameters: trained, parameters: trained + 25 * 2 + 2 + 4 });
  expect(job.result?.classWeights).toHaveLength(10);
  const artifacts = await FolderArtifactStore.open(join(workers.folder, 'artifacts'));
  try {
    const { document } = await readSnapshot(artifacts, jobId, 'gradients', 3);
    expect(document).toMatchObject({ epoch: 3, frozen: ['conv1.weight', 'conv1.bias', 'bn1.weight', 'bn1.bias'] });
  } finally {
    await artifacts.close();
  }
});
