// Tests that a predictor has its own memory, does not affect other backends, and works without classes.
import { backend, WeightsError } from '@trainyard/engine';
import { checkSpec, imagePreparationOf, imageSample, Predictor } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { digits, run } from './runs.ts';

const values = {
  seed: 1,
  data: { dataset: 'random', inputShape: [3], targetShape: [2], samples: 4 },
  model: { layers: [{ type: 'linear', outFeatures: 2 }] },
  loss: { type: 'mse' },
  optimizer: { type: 'sgd', learningRate: 0.1 },
  epochs: 1,
};

describe('a predictor', () => {
  test('for data without classes gives only outputs', async () => {
    const { weights } = await run(values);
    const predictor = new Predictor(checkSpec(values).spec, weights);
    expect(predictor.predict(Float32Array.of(1, 2, 3, 4, 5, 6))).toMatchObject({
      outputs: { shape: [2, 2] },
      probabilities: null,
      classes: null,
    });
  });

  test('does not affect the current backend and its memory', async () => {
    const { weights } = await run(digits);
    const [before, bytes] = [backend(), backend().memoryUse().bytes];
    const predictor = new Predictor(checkSpec(digits).spec, weights);
    predictor.predict(new Uint8Array(784));
    expect(backend()).toBe(before);
    expect(backend().memoryUse().bytes).toBe(bytes);
    expect(predictor.bytes).toBeGreaterThan(weights.length / 2);
  });

  test("refuses another model's weights", async () => {
    const { weights } = await run(values);
    expect(() => new Predictor(checkSpec(digits).spec, weights)).toThrow(WeightsError);
  });
});

describe('an image as a sample', () => {
  const grey = { width: 2, height: 1, channels: 1, data: Uint8Array.of(10, 20) } as const;
  const colour = { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 0, 0, 1, 2, 3) } as const;

  test.for([
    [grey, [1, 1, 2], [10, 20]],
    [grey, [3, 1, 2], [10, 20, 10, 20, 10, 20]],
    [colour, [3, 1, 2], [255, 1, 0, 2, 0, 3]],
    [colour, [1, 1, 2], [76, 2]],
  ] as const)('%o is %j %j', ([image, shape, expected]) => {
    const [channels, height, width] = shape;
    const preparation = { size: [height, width], fit: 'crop', mode: channels === 1 ? 'grey' : 'rgb', background: '#ffffff' } as const;
    expect(Array.from(imageSample(image, image, preparation))).toEqual(expected);
  });

  test('is prepared for the size, the colours and on white if the data was not uploaded as images', () => {
    const preparationFor = (inputShape: readonly number[]) =>
      imagePreparationOf(
        checkSpec({ ...values, data: { ...values.data, inputShape }, model: { layers: [{ type: 'flatten' }, ...values.model.layers] } })
          .spec,
      );
    expect(preparationFor([3, 4, 5])).toEqual({ size: [4, 5], fit: 'crop', mode: 'rgb', background: '#ffffff' });
    expect(preparationFor([1, 28, 28])).toMatchObject({ size: [28, 28], mode: 'grey' });
    expect(() => preparationFor([5])).toThrow(/\[5\].*not images/);
    expect(() => preparationFor([2, 8, 8])).toThrow(/\[2, 8, 8\].*not images/);
  });
});
