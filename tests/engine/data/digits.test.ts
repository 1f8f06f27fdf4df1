// Tests that the generated digits are the same on every machine, balanced, and positioned like those of MNIST.
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../packages/engine/src/data/dataset.ts';
import { findDataset } from '../../../packages/engine/src/data/datasets/index.ts';
import type { LoadContext } from '../../../packages/engine/src/data/define.ts';
import { Generator } from '../../../packages/engine/src/random.ts';
import { sha256 } from '../../support/sha256.ts';

const noFile = () => Promise.reject(new Error('digits need no file'));
const context = (more: Partial<LoadContext> = {}): LoadContext => ({
  files: { find: noFile, read: noFile },
  generator: new Generator(0),
  ...more,
});
const load = (limits: object = {}, more: Partial<LoadContext> = {}) =>
  findDataset('digits').load({ dataset: 'digits', ...limits }, context(more));

const whole = load();
const parts = async (): Promise<Dataset[]> => {
  const { train, test } = await whole;
  return test === null ? [train] : [train, test];
};

test('the set is the same bytes on every machine', async () => {
  const [train, test] = await parts();
  expect([train.length, test.length]).toEqual([10_000, 2_000]);
  expect({ images: sha256(train.inputs), labels: sha256(train.targets) }).toEqual({
    images: '185b9aa155addd1cfca5a751598b45c410209b62ee3d038e6feb798e03bea279',
    labels: '9efcf60bbed69fa39aac49ac1bcc756e52727cf1e1eb8d166635a02af1bb1b61',
  });
  expect({ images: sha256(test.inputs), labels: sha256(test.targets) }).toEqual({
    images: '9cb9edf57ac1b131ce3dcab9fb757d8cd52b312bf011e43e053f1a8237e73ebb',
    labels: '95b8afb28d113b038fe9836dee24bd3daba5b6014350f8dff973c9ac36528742',
  });
});

test('each digit occurs equally often, in random order', async () => {
  for (const { targets, length } of await parts()) {
    for (let digit = 0; digit < 10; digit++) expect(targets.filter((label) => label === digit)).toHaveLength(length / 10);
    const repeats = targets.filter((label, i) => i > 0 && label === targets[i - 1]).length;
    expect(repeats / length).toBeCloseTo(0.1, 1);
  }
});

test('a limited set is the beginning of the whole one', async () => {
  const limited = await load({ trainLimit: 300, testLimit: 20 });
  const [train, test] = await parts();
  expect(limited.train.inputs).toEqual(train.inputs.subarray(0, 300 * 784));
  expect(limited.test?.inputs).toEqual(test.inputs.subarray(0, 20 * 784));
  expect(limited.train.targets).toEqual(train.targets.subarray(0, 300));
});

test('the generator of the run is not used', async () => {
  const generator = new Generator(3);
  await load({ trainLimit: 10, testLimit: 10 }, { generator });
  expect(generator.random()).toBe(new Generator(3).random());
});

test('a digit is white on black, its longer side has 20 pixels, and its centre of mass is in the middle of 28×28', async () => {
  for (const { inputs, length } of await parts()) {
    let mass = 0;
    for (let image = 0; image < length; image++) {
      const box = measure(inputs.subarray(image * 784, (image + 1) * 784));
      expect(Math.max(box.width, box.height)).toBeGreaterThanOrEqual(17);
      expect(Math.max(box.width, box.height)).toBeLessThanOrEqual(22);
      expect(Math.abs(box.centreX - 14)).toBeLessThan(2);
      expect(Math.abs(box.centreY - 14)).toBeLessThan(2);
      mass += box.mean;
    }
    // MNIST's training images have a mean of 33.3.
    expect(mass / length).toBeGreaterThan(28);
    expect(mass / length).toBeLessThan(40);
  }
});

describe('loading', () => {
  test('reports its progress to the end', async () => {
    const seen: string[] = [];
    await load(
      { trainLimit: 500, testLimit: 250 },
      { onProgress: ({ file, bytesDone, bytesTotal }) => seen.push(`${file} ${bytesDone}/${bytesTotal}`) },
    );
    expect(seen).toEqual(['digits/train 196000/392000', 'digits/train 392000/392000', 'digits/test 196000/196000']);
  });

  test('ends with the reason of an abort', async () => {
    const abort = new AbortController();
    const loading = load({}, { signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) });
    await expect(loading).rejects.toThrow('enough');
  });
});

function measure(image: Dataset['inputs']) {
  let [left, right, top, bottom] = [28, -1, 28, -1];
  let [sum, momentX, momentY] = [0, 0, 0];
  image.forEach((grey: number, i: number) => {
    const [x, y] = [i % 28, Math.floor(i / 28)];
    sum += grey;
    momentX += grey * x;
    momentY += grey * y;
    if (grey <= 64) return;
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  });
  return { width: right - left + 1, height: bottom - top + 1, centreX: momentX / sum, centreY: momentY / sum, mean: sum / 784 };
}
