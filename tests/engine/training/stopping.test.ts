// Tests gradient clipping and early stopping, alone and in a run.
import { clipGradientNorm, setBackend, type Tensor, tensor, WasmBackend } from '@trainyard/engine';
import { beforeEach, describe, expect, test } from 'vitest';
import { onEveryBackend } from '../../support/backends.ts';
import { digits, eventsOf, run } from './runs.ts';

function withGradient(...grad: number[]): Tensor {
  const leaf = tensor(grad, { requiresGrad: true });
  leaf.grad = tensor(grad);
  return leaf;
}

const gradients = (parameters: readonly Tensor[]): number[] => parameters.flatMap(({ grad }) => Array.from(grad?.values ?? []));

onEveryBackend(() => {
  test('clipping treats all gradients as one vector, returns its norm, and scales it to the limit within 1e-6', () => {
    const parameters = [withGradient(3, 0), withGradient(4), tensor([1], { requiresGrad: true })];
    expect(clipGradientNorm(parameters, 2)).toBe(5);
    const scale = 2 / (5 + 1e-6);
    gradients(parameters).forEach((value, i) => expect(value).toBeCloseTo([3, 0, 4][i] * scale, 6));
    expect(Math.hypot(...gradients(parameters))).toBeLessThan(2);
  });

  test('clipping does not change gradients within the limit', () => {
    const parameters = [withGradient(0.3), withGradient(0.4)];
    const before = gradients(parameters);
    clipGradientNorm(parameters, 0.6);
    expect(gradients(parameters)).toEqual(before);
  });

  test('clipping a norm that is not finite gives the result of PyTorch: NaN, or 0 next to an infinity', () => {
    const infinite = [withGradient(Infinity, 1)];
    expect(clipGradientNorm(infinite, 1)).toBe(Infinity);
    expect(gradients(infinite)).toEqual([NaN, 0]);
    const unknown = [withGradient(NaN, 1)];
    expect(clipGradientNorm(unknown, 1)).toBeNaN();
    expect(gradients(unknown)).toEqual([NaN, NaN]);
  });
});

describe('a run', () => {
  beforeEach(() => {
    setBackend(new WasmBackend());
  });

  test('clips before each update and reports the norm before clipping', async () => {
    const free = await run({ ...digits, epochs: 1, optimizer: { type: 'sgd', learningRate: 0.1 } });
    const clipped = await run({ ...digits, epochs: 1, optimizer: { type: 'sgd', learningRate: 0.1 }, gradientClipping: { maxNorm: 1e-6 } });
    expect(eventsOf(clipped.events, 'epoch')[0].gradientNorm).toBeGreaterThan(0.1);
    expect(eventsOf(clipped.events, 'epoch')[0].trainLoss).toBeGreaterThan(eventsOf(free.events, 'epoch')[0].trainLoss ?? Infinity);
    const generous = await run({
      ...digits,
      epochs: 1,
      optimizer: { type: 'sgd', learningRate: 0.1 },
      gradientClipping: { maxNorm: 1e6 },
    });
    expect(generous.result.weightsSha256).toBe(free.result.weightsSha256);
  });

  const still = { ...digits, epochs: 10, optimizer: { type: 'sgd', learningRate: 0 } };

  test('stops early and succeeds after `patience` epochs without a new best value', async () => {
    const { events, result } = await run({ ...still, earlyStopping: { patience: 2 } });
    expect(eventsOf(events, 'epoch').map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    const best = eventsOf(events, 'epoch')[0].testLoss;
    expect(result.stoppedEarly).toEqual({ epoch: 3, metric: 'testLoss', bestEpoch: 1, best });
    expect(eventsOf(events, 'log')).toEqual([
      { type: 'log', level: 'info', message: `stopped early after epoch 3: testLoss was best in epoch 1 with ${best}` },
    ]);
  });

  test('does not stop while the metric improves by more than minDelta', async () => {
    const learning = { ...digits, epochs: 4, optimizer: { type: 'sgd', learningRate: 0.01 } };
    const patient = await run({ ...learning, earlyStopping: { metric: 'trainLoss', patience: 1 } });
    expect(eventsOf(patient.events, 'epoch')).toHaveLength(4);
    expect(patient.result.stoppedEarly).toBeUndefined();
    const demanding = await run({ ...learning, earlyStopping: { metric: 'trainLoss', patience: 1, minDelta: 100 } });
    expect(eventsOf(demanding.events, 'epoch')).toHaveLength(2);
  });

  test('treats a higher accuracy as better', async () => {
    const learning = { ...digits, epochs: 8 };
    const accuracies = eventsOf((await run(learning)).events, 'epoch').map(({ testAccuracy }) => testAccuracy ?? NaN);
    const first = accuracies.findIndex((accuracy, i) => i > 0 && accuracy <= Math.max(...accuracies.slice(0, i)));
    expect(first).toBeGreaterThan(1);
    const { events } = await run({ ...learning, earlyStopping: { metric: 'testAccuracy', patience: 1 } });
    expect(eventsOf(events, 'epoch')).toHaveLength(first + 1);
  });

  test('treats a value that is not finite as no improvement', async () => {
    const broken = { ...still, optimizer: { type: 'sgd', learningRate: 1e30 }, onNonFinite: 'continue' };
    const { result } = await run({ ...broken, earlyStopping: { metric: 'testLoss', patience: 2 } });
    expect(result.stoppedEarly).toEqual({ epoch: 2, metric: 'testLoss', bestEpoch: null, best: null });
  });
});
