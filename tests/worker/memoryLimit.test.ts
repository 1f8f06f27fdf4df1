// The memory of a training process, against what the dry run says of its job and against its bound.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSpec } from '@trainyard/engine';
import { TrainingChild } from '@trainyard/worker';
import { describe, expect, test } from 'vitest';
import { assignment, childOptions, undisturbed } from './fixtures/scripted.ts';
import { workerTest } from './fixtures/workers.ts';

/** What a process takes beside its job: Node, its threads, batches that are gathered ahead. */
const processBytes = 256 * 2 ** 20;

/** The most resident memory that the process ever had. */
async function peakOf(pid: number): Promise<number> {
  const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return 1_024 * Number(kibibytes);
}

const data = { dataset: 'random', targetShape: [10], samples: 2, batchSize: 1 };
const job = { seed: 0, loss: { type: 'mse' }, epochs: 2 };
const flat = [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }];
const conv = { type: 'conv2d', outChannels: 64, kernelSize: 3, padding: 1 };

/** Jobs of some hundred megabytes, each of another kind. */
const large = {
  'parameters, their optimizer and the files of them': {
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
  'its data': {
    ...job,
    epochs: 1,
    data: { ...data, inputShape: [3, 64, 64], samples: 3_000, batchSize: 250 },
    model: { layers: flat },
    optimizer: { type: 'sgd', learningRate: 0.001 },
  },
};

describe.skipIf(!existsSync('/proc/self/status'))('a training process whose job is large by', () => {
  test.for(Object.entries(large))('%s holds no more than the dry run says, and 256 MiB for itself', async ([, body]) => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-memory-'));
    const script = new URL('../../services/worker/dist/trainJob.js', import.meta.url);
    const child = await TrainingChild.start(childOptions({ script, heapMegabytes: 1_024, heartbeatTimeoutMs: 120_000 }));
    try {
      const { spec, summary } = checkSpec(body);
      const files = { modelFile: join(folder, 'model'), checkpointFile: join(folder, 'checkpoint'), snapshotFile: join(folder, 'kept') };
      // A checkpoint at every step.
      const order = { ...assignment(''), ...files, spec, checkpointEveryMs: 0 };
      expect(await child.train(order, () => Promise.resolve(), undisturbed)).toMatchObject({ kind: 'trained' });
      const { memoryBytes } = summary.totals;
      expect(memoryBytes).toBeGreaterThan(processBytes / 2);
      expect(await peakOf(child.pid)).toBeLessThanOrEqual(memoryBytes + processBytes);
    } finally {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true });
    }
  });
});

workerTest('a job whose tensors take more than they may fails with both numbers', async ({ workers }) => {
  await workers.start({ real: true, memoryBytes: 48e6 });
  const jobId = await workers.submit(large['the activations of a batch']);
  const { status, error, attempts } = await workers.ended(jobId);
  expect({ status, code: error?.code, attempts }).toEqual({ status: 'failed', code: 'outOfMemory', attempts: 1 });
  expect(error?.message).toMatch(/\d MB for .* do not fit: \d+(\.\d)? MB of at most 48\.\d MB are in use/);
});
