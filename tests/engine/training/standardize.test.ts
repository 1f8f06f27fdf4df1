// Tests the transform `standardize`: its statistics are those of the training part, they are stored with the weights, and predictions and
// resumed runs use them.
import { fitTransforms, transformSchema } from '@trainyard/engine/data';
import { decodeSafetensors } from '@trainyard/engine/formats';
import { checkSpec, Predictor } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../packages/engine/src/data/dataset.ts';
import { SampleReader } from '../../../packages/engine/src/data/transforms/reader.ts';
import { eventsOf, run } from './runs.ts';

const parsed = (...transforms: readonly object[]) => transforms.map((transform) => transformSchema.parse(transform));

const table: Dataset = {
  length: 4,
  inputShape: [3],
  // The third column has one value only.
  inputs: Float32Array.of(1, 2000, 7, 2, 2010, 7, 3, 2020, 7, 6, 2050, 7),
  target: { kind: 'values', shape: [1] },
  targets: new Float32Array(4),
};

describe('the statistics', () => {
  test('are the mean and the deviation of each channel, divided by N, and 1 for a deviation of 0', () => {
    // numpy: mean and std of the columns.
    expect(fitTransforms(table, parsed({ type: 'standardize' }))).toEqual([
      { mean: [3, 2020, 7], std: [Math.sqrt(3.5), Math.sqrt(350), 1] },
    ]);
  });

  test('are those of the samples after the transforms before it, as in evaluation', () => {
    const images: Dataset = {
      length: 2,
      inputShape: [1, 2, 4],
      inputs: Float32Array.of(9, 1, 2, 9, 9, 3, 4, 9, 9, 5, 6, 9, 9, 7, 8, 9),
      target: { kind: 'class', classes: ['a'] },
      targets: new Uint8Array(2),
    };
    const transforms = parsed({ type: 'gaussianNoise' }, { type: 'randomCrop', size: 2 }, { type: 'standardize' }, { type: 'standardize' });
    const [first, second] = fitTransforms(images, transforms);
    // The middle columns have the values 1 to 8, of which the variance is 63 / 12.
    expect(first.mean).toEqual([4.5]);
    expect(first.std[0]).toBeCloseTo(Math.sqrt(63 / 12), 12);
    expect(second.mean[0]).toBeCloseTo(0, 6);
    expect(second.std[0]).toBeCloseTo(1, 6);
  });

  test('give the training samples a mean of 0 and a deviation of 1', () => {
    const transforms = parsed({ type: 'standardize' });
    const reader = new SampleReader(table, { transforms, statistics: fitTransforms(table, transforms) });
    const out = new Float32Array(12);
    reader.read(Uint32Array.of(0, 1, 2, 3), 0, out, new Float32Array(4));
    const column = [0, 3, 6, 9].map((i) => out[i]);
    [-2, -1, 0, 3].forEach((distance, i) => expect(column[i]).toBeCloseTo(distance / Math.sqrt(3.5), 6));
    expect([2, 5, 8, 11].map((i) => out[i])).toEqual([0, 0, 0, 0]);
  });

  test('are required by a reader', () => {
    expect(() => new SampleReader(table, { transforms: parsed({ type: 'standardize' }) })).toThrow(
      'standardize needs the statistics of the training data: compute them with fitTransforms(data.train, transforms)',
    );
  });
});

describe('a job', () => {
  const { spec } = checkSpec({
    seed: 3,
    data: {
      dataset: 'digits',
      trainLimit: 40,
      testLimit: 10,
      batchSize: 16,
      transforms: [{ type: 'randomCrop', size: 24 }, { type: 'standardize' }, { type: 'mixup' }],
    },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.05, momentum: 0.9 },
    epochs: 2,
  });

  test('stores the statistics with its weights and checkpoints, and predicts with them', async () => {
    const { weights, events } = await run(spec, { checkpointDue: () => true });
    const checkpoints = eventsOf(events, 'checkpoint');
    const { metadata, tensors } = decodeSafetensors(weights);
    const [{ mean, std }] = JSON.parse(metadata['standardize']) as [{ mean: number[]; std: number[] }];
    expect(mean[0]).toBeGreaterThan(0.05);
    expect(std[0]).toBeGreaterThan(0.2);
    expect(decodeSafetensors(checkpoints[0].bytes).metadata['standardize']).toBe(metadata['standardize']);
    const input = new Float32Array(784).fill(0.5);
    const { outputs } = new Predictor(spec, weights).predict(input);
    const weight = tensors.find(({ name }) => name === '1.weight')?.data as Float32Array;
    const bias = tensors.find(({ name }) => name === '1.bias')?.data as Float32Array;
    const sum = weight.subarray(0, 576).reduce((total, value) => total + value, 0);
    expect(outputs.values[0]).toBeCloseTo((sum * (0.5 - mean[0])) / std[0] + bias[0], 4);
    expect(new Predictor(spec, tensors, { metadata }).predict(input).outputs.values).toEqual(outputs.values);
    expect(() => new Predictor(spec, tensors)).toThrow('the weights have no statistics of the training data in their metadata');
  });

  test('ends with the same weights if it resumes within an epoch', async () => {
    const whole = await run(spec, { checkpointDue: () => true });
    for (const { bytes } of eventsOf(whole.events, 'checkpoint').slice(0, 5)) {
      const resumed = await run(spec, { resumeFrom: bytes });
      expect(resumed.result.weightsSha256).toBe(whole.result.weightsSha256);
    }
  });
});
