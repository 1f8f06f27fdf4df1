// Tests the training loop: its events, whether runs with the same seed are equal, and how it stops and fails. tests/conformance compares
// its numbers with PyTorch.
import { createHash } from 'node:crypto';
import { optim, setBackend, type TrainingEvent, train, WasmBackend } from '@trainyard/engine';
import { checkSpec } from '@trainyard/engine/spec';
import { beforeEach, describe, expect, test } from 'vitest';
import { digits, eventsOf, noFiles, run } from './runs.ts';

const epochsOf = (events: readonly TrainingEvent[]) => eventsOf(events, 'epoch');

beforeEach(() => {
  setBackend(new WasmBackend());
});

describe('a run', () => {
  test('lowers its rate when a metric that the scheduler follows does not improve enough', async () => {
    const scheduler = { type: 'reduceOnPlateau', metric: 'trainLoss', threshold: 0.9, patience: 0, factor: 0.5 };
    const { events } = await run({ ...digits, epochs: 4, scheduler });
    expect(epochsOf(events).map(({ learningRate }) => learningRate)).toEqual([0.1, 0.1, 0.05, 0.025]);
  });

  test('cycles rate and momentum over all of its steps', async () => {
    const { events } = await run({ ...digits, scheduler: { type: 'oneCycle', maxLearningRate: 0.2 } });
    const [first, second] = epochsOf(events);
    expect(first.learningRate).toBeCloseTo(0.2 / 25, 12);
    expect(second.trainLoss).toBeLessThan(first.trainLoss ?? 0);
    const still = await run({ ...digits, scheduler: { type: 'oneCycle', maxLearningRate: 0.2, cycleMomentum: false } });
    expect(epochsOf(still.events)[1].trainLoss).not.toBe(second.trainLoss);
  });

  test.each(optim.optimizerDefinitions.map(({ type }) => type))('learns with %s', async (type) => {
    const { events } = await run({ ...digits, optimizer: { type, learningRate: type === 'adadelta' ? 1 : 0.02 } });
    const [first, second] = epochsOf(events);
    expect(second.trainLoss).toBeLessThan(first.trainLoss ?? 0);
  });

  test('has events for its phases in order, for every step if requested, and for each epoch', async () => {
    const { events } = await run(digits, { stepEventMs: 0 });
    expect(events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []))).toEqual([
      'loadingData',
      'training',
      'evaluating',
      'training',
      'evaluating',
      'saving',
    ]);
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.map(({ epoch, step }) => `${epoch}.${step}`)).toEqual(
      [1, 2].flatMap((epoch) => [1, 2, 3, 4, 5, 6, 7].map((step) => `${epoch}.${step}`)),
    );
    expect(steps[0].stepsPerEpoch).toBe(7);
    expect(epochsOf(events).map(({ epoch, epochs }) => [epoch, epochs])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  test('weights the losses of batches by their number of samples, also for the smaller last batch', async () => {
    const { events } = await run({ ...digits, epochs: 1 }, { stepEventMs: 0 });
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss ?? NaN] : []));
    const mean = losses.reduce((sum, loss, i) => sum + loss * (i === 6 ? 8 : 32), 0) / 200;
    expect(epochsOf(events)[0].trainLoss).toBeCloseTo(mean, 10);
  });

  test('measures the test part: the accuracy as a share of its samples, and the best loss', async () => {
    const { events, result } = await run({ ...digits, epochs: 4 });
    const epochs = epochsOf(events);
    for (const { testAccuracy } of epochs) expect(Number.isInteger(Math.round((testAccuracy ?? NaN) * 50 * 1e9) / 1e9)).toBe(true);
    expect(result.testAccuracy).toBe(epochs.at(-1)?.testAccuracy);
    expect(result.bestTestLoss).toBe(Math.min(...epochs.map(({ testLoss }) => testLoss ?? NaN)));
    expect(result.testAccuracy).toBeGreaterThan(0.3);
  });

  test('has no test metrics without a test part', async () => {
    const random = { ...digits, data: { dataset: 'random', inputShape: [6], targetShape: [10] }, loss: { type: 'mse' } };
    const { events } = await run(random);
    expect(epochsOf(events)[0]).toMatchObject({ testLoss: null, testAccuracy: null });
  });

  test('uses a part of the training data as test data if there is no test part', async () => {
    const data = { dataset: 'random', inputShape: [6], targetShape: [10], samples: 50, batchSize: 8, testSplit: 0.2 };
    const { events, result } = await run({ ...digits, data, loss: { type: 'mse' } }, { stepEventMs: 0 });
    expect(epochsOf(events)[0]).toMatchObject({ testLoss: expect.any(Number) as number, testAccuracy: null });
    expect(events.flatMap((event) => (event.type === 'step' && event.epoch === 1 ? [event.stepsPerEpoch] : []))).toEqual([5, 5, 5, 5, 5]);
    expect(result.bestTestLoss).toBe(Math.min(...epochsOf(events).map(({ testLoss }) => testLoss ?? NaN)));
  });

  test('lets the learning rate fall as its scheduler says', async () => {
    const { events } = await run({ ...digits, epochs: 3, scheduler: { type: 'step', stepSize: 1, gamma: 0.5 } });
    expect(epochsOf(events).map(({ learningRate }) => learningRate)).toEqual([0.1, 0.05, 0.025]);
  });

  test('gives the same weights for the same seed and different weights for another seed', async () => {
    const [first, again, other] = [await run(digits), await run(digits), await run({ ...digits, seed: 2 })].map(
      ({ result }) => result.weightsSha256,
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test('gives weights as safetensors: named as in nn.Sequential, hashed in name order', async () => {
    const { weights, result } = await run(digits);
    const headerBytes = Number(new DataView(weights.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + headerBytes))) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: number[] }
    >;
    expect(
      Object.entries(header)
        .filter(([name]) => name !== '__metadata__')
        .map(([name, { dtype, shape }]) => [name, dtype, shape]),
    ).toEqual([
      ['3.bias', 'F32', [10]],
      ['3.weight', 'F32', [10, 8]],
      ['hidden.bias', 'F32', [8]],
      ['hidden.weight', 'F32', [8, 784]],
    ]);
    expect(header['hidden.weight'].data_offsets).toEqual([4 * 98, 4 * (98 + 8 * 784)]);
    expect(
      createHash('sha256')
        .update(weights.subarray(8 + headerBytes))
        .digest('hex'),
    ).toBe(result.weightsSha256);
  });
});

describe('a run that does not finish', () => {
  test('stops within a step when it is aborted and throws the reason of the abort', async () => {
    const controller = new AbortController();
    const training = train(checkSpec({ ...digits, epochs: 1000 }).spec, { files: noFiles, signal: controller.signal, stepEventMs: 0 });
    const reason = new Error('stopped by its owner');
    let stepsAfter = 0;
    const ending = (async () => {
      for await (const event of training) {
        if (controller.signal.aborted && event.type === 'step') stepsAfter += 1;
        if (event.type === 'step' && event.epoch === 2) controller.abort(reason);
      }
    })();
    await expect(ending).rejects.toBe(reason);
    expect(stepsAfter).toBe(0);
  });

  test('lets timers and messages run while it trains', async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 5);
    await run({ ...digits, data: { dataset: 'digits', trainLimit: 2000, testLimit: 200, batchSize: 4 } });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  test('fails with the error of the data', async () => {
    const reason = new Error('nothing to be had');
    const mnist = { ...digits, data: { dataset: 'mnist' } };
    await expect(run(mnist, { files: { ...noFiles, read: () => Promise.reject(reason) } })).rejects.toBe(reason);
  });
});
