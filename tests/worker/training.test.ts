// Tests a worker with the real engine. The results are the same when its processes are killed, replaced or reused.
import { readdirSync } from 'node:fs';
import { engineVersion } from '@trainyard/engine/spec';
import { WorkerPresence } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { childOf, workerTest as test } from './fixtures/workers.ts';

/** Trains with the engine and can be stopped at the end of an epoch or at a checkpoint. */
const held = { real: true, program: 'heldChild.ts' };

interface Changes {
  samples?: number;
  batchSize?: number;
  epochs?: number;
  learningRate?: number;
  outChannels?: number;
}

/** A small convolutional network on random data. An epoch takes about a tenth of a second. */
function spec(changes: Changes = {}) {
  const { samples = 4_000, batchSize = 4, epochs = 4, learningRate = 0.01, outChannels = 4 } = changes;
  return {
    seed: 7,
    data: { dataset: 'random', inputShape: [1, 12, 12], targetShape: [3], samples, batchSize },
    model: {
      layers: [
        { type: 'conv2d', outChannels, kernelSize: 3 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 3 },
      ],
    },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd', learningRate, momentum: 0.9 },
    epochs,
  };
}

describe('a training', () => {
  test('gives the same weights in a new child, in a used child, and after its child was killed in epoch 2', async ({ workers }) => {
    const worker = await workers.start(held);
    const sums = [];
    for (let run = 0; run < 3; run += 1) {
      const letGo = run === 2 ? await workers.hold('epoch') : null;
      const jobId = await workers.submit(spec());
      if (letGo !== null) {
        await workers.untilEpoch(jobId, 1);
        process.kill(await childOf(worker, jobId), 'SIGKILL');
        await letGo();
      }
      const job = await workers.ended(jobId);
      expect(job).toMatchObject({ status: 'succeeded', attempts: run === 2 ? 2 : 1 });
      expect(await workers.epochs(jobId)).toEqual([1, 2, 3, 4]);
      sums.push(job.result?.weightsSha256);
    }
    expect(new Set(sums).size).toBe(1);
  });

  test('uses the number of threads in its spec and gives the same weights as with one thread', async ({ workers }) => {
    const worker = await workers.start(held);
    const wide = {
      ...spec({ samples: 2_000, epochs: 2 }),
      data: { ...spec().data, inputShape: [1, 28, 28], samples: 2_000, batchSize: 64 },
    };
    const sums = [];
    const processThreads = new Map<number, number>();
    for (const threads of [1, 4, 2]) {
      // Counts the threads of the process while it trains.
      const letGo = await workers.hold('epoch');
      const jobId = await workers.submit({ ...wide, threads });
      const child = await childOf(worker, jobId);
      await workers.untilEpoch(jobId, 1);
      if (process.platform === 'linux') processThreads.set(threads, readdirSync(`/proc/${child}/task`).length);
      await letGo();
      sums.push((await workers.ended(jobId)).result?.weightsSha256);
    }
    expect(sums).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^[0-9a-f]{64}$/) as string));
    expect(new Set(sums).size).toBe(1);
    // The number of Node's own threads is the same in both cases.
    const [one = 0, two = 0, four = 0] = [1, 2, 4].map((threads) => processThreads.get(threads));
    if (process.platform === 'linux') expect([two - one, four - one]).toEqual([1, 3]);
  });

  test('with relaxed kernels is marked in the result and in the list of workers, also after its child was replaced', async ({
    workers,
    redis,
  }) => {
    const worker = await workers.start({ ...held, relaxed: true });
    const presence = new WorkerPresence({ redis: redis.connect(), prefix: redis.prefix });
    expect(await presence.list()).toMatchObject([{ engineVersion: `${engineVersion}+relaxed` }]);
    const letGo = await workers.hold('epoch');
    const jobId = await workers.submit(spec());
    await workers.untilEpoch(jobId, 1);
    process.kill(await childOf(worker, jobId), 'SIGKILL');
    await letGo();
    expect(await workers.ended(jobId)).toMatchObject({
      status: 'succeeded',
      attempts: 2,
      result: { engineVersion: `${engineVersion}+relaxed` },
    });
  });

  test('is cancelled in the middle of a long epoch', async ({ workers }) => {
    const worker = await workers.start({ real: true });
    // An epoch takes minutes.
    const jobId = await workers.submit(spec({ samples: 60_000, batchSize: 1, outChannels: 400, learningRate: 1e-6 }));
    await childOf(worker, jobId);
    await workers.untilStep(jobId, 10);
    await workers.jobs.store.act('cancel', jobId);
    expect(await workers.ended(jobId)).toMatchObject({ status: 'cancelled', latest: null });
  });

  test('that diverges fails with the epoch, the step and advice', async ({ workers }) => {
    await workers.start({ real: true });
    const job = await workers.ended(await workers.submit(spec({ learningRate: 1e30 })));
    expect(job).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: {
        code: 'nonFinite',
        epoch: 1,
        step: expect.any(Number) as number,
        message: expect.stringContaining('learning rate') as string,
      },
    });
  });

  test('whose dataset is not available fails at once with the reason and is not retried', async ({ workers }) => {
    await workers.start({ real: true, mirror: 'http://127.0.0.1:9/' });
    const jobId = await workers.submit({
      ...spec(),
      data: { dataset: 'mnist' },
      model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
      loss: { type: 'crossEntropy' },
    });
    const job = await workers.ended(jobId);
    expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'datasetUnavailable', epoch: null, step: null } });
    expect(job.error?.message).toMatch(/mnist/);
    expect(JSON.stringify(await workers.events(jobId))).not.toContain(workers.folder);
  });
});
