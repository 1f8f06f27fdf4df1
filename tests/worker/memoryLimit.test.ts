// Compares the memory of a training process with the estimate of the dry run and with its limit.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine/spec';
import { TrainingChild } from '@trainyard/worker';
import { describe, expect, test } from 'vitest';
import { peakMemoryOf } from '../support/peakMemory.ts';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';
import { workerTest } from './fixtures/workers.ts';

/** The memory that a process may use in addition to its job: for Node.js, its threads, and batches that are prepared in advance. */
const processBytes = 256 * 2 ** 20;

const data = { dataset: 'random', targetShape: [10], samples: 2, batchSize: 1 };
const job = { seed: 0, loss: { type: 'mse' }, epochs: 2 };
const flat = [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }];
const conv = { type: 'conv2d', outChannels: 64, kernelSize: 3, padding: 1 };

/** Jobs that need several hundred megabytes, each for a different reason. */
const large = {
  'parameters, optimizer state and files': {
    ...job,
    data: { ...data, inputShape: [2_000] },
    model: { layers: [{ type: 'linear', outFeatures: 6_000 }, { type: 'relu' }, ...flat] },
    optimizer: { type: 'adam' },
  },
  'the activations of a batch': {
    ...job,
    epochs: 1,
    data: { ...data, inputShape: [3, 48, 48], samples: 64, batchSize: 64 },
    model: { layers: [conv, { type: 'gelu' }, { ...conv, outChannels: 16 }, ...flat] },
    optimizer: { type: 'sgd', learningRate: 0.001 },
  },
  data: {
    ...job,
    epochs: 1,
    data: { ...data, inputShape: [3, 64, 64], samples: 3_000, batchSize: 250 },
    model: { layers: flat },
    optimizer: { type: 'sgd', learningRate: 0.001 },
  },
};

describe.skipIf(!existsSync('/proc/self/status'))('a training process whose job needs much memory, for', () => {
  test.for(Object.entries(large))('%s, uses at most 256 MiB more than the dry run estimates', async ([, body]) => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-memory-'));
    const script = new URL('../../services/worker/dist/trainJob.js', import.meta.url);
    const child = await TrainingChild.start(childOptions({ script, heapMegabytes: 1_024 }));
    try {
      const { spec, summary } = checkSpec(body);
      const files = { modelFile: join(folder, 'model'), checkpointFile: join(folder, 'checkpoint'), snapshotFile: join(folder, 'kept') };
      // Stores a checkpoint after every step.
      const order = { ...assignment(''), ...files, spec, checkpointEveryMs: 0 };
      expect(await child.train(order, () => Promise.resolve(), undisturbed)).toMatchObject({ kind: 'trained' });
      const { memoryBytes } = summary.totals;
      expect(memoryBytes).toBeGreaterThan(processBytes / 2);
      expect(peakMemoryOf(child.pid)).toBeLessThanOrEqual(memoryBytes + processBytes);
    } finally {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true });
    }
  });
});

workerTest('a job whose tensors need more memory than allowed fails, and the error has both numbers', async ({ workers }) => {
  await workers.start({ real: true, memoryBytes: 48e6 });
  const jobId = await workers.submit(large['the activations of a batch']);
  const { status, error, attempts } = await workers.ended(jobId);
  expect({ status, code: error?.code, attempts }).toEqual({ status: 'failed', code: 'outOfMemory', attempts: 1 });
  expect(error?.message).toMatch(/\d MB for .* do not fit: \d+(\.\d)? MB of at most 48\.\d MB are in use/);
});
