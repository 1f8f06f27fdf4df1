// Tests the transforms of whole batches, mixup and cutmix: their results equal those of torchvision for the same share or rectangle, their
// random numbers depend only on the seed, the epoch and the step, and the specs that they accept.
import { InlineLoader, type TransformSpec, transformSchema } from '@trainyard/engine/data';
import { AheadLoader } from '@trainyard/engine/node';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../packages/engine/src/data/dataset.ts';
import { drawBeta } from '../../../packages/engine/src/data/transforms/beta.ts';
import { Draws } from '../../../packages/engine/src/data/transforms/draws.ts';

const CLASSES = 3;

/** Creates images in which every value of sample i is i + 1, with the class i % 3. */
function plain(length: number, inputShape: readonly number[] = [2, 6, 8]): Dataset {
  const size = inputShape.reduce((a, b) => a * b, 1);
  return {
    length,
    inputShape,
    inputs: Float32Array.from({ length: length * size }, (_, i) => Math.floor(i / size) + 1),
    target: { kind: 'class', classes: ['a', 'b', 'c'] },
    targets: Uint8Array.from({ length }, (_, i) => i % CLASSES),
  };
}

const parsed = (...transforms: readonly object[]): TransformSpec[] => transforms.map((transform) => transformSchema.parse(transform));

/** Returns copies of the batches of an epoch. */
function batchesOf(dataset: Dataset, transforms: TransformSpec[], { batchSize = 4, epoch = 1, stepsDone = 0, seed = 3 } = {}) {
  const loader = new InlineLoader(dataset, { batchSize, dropLast: false, transforms, augmentationSeed: seed });
  const order = Uint32Array.from({ length: dataset.length }, (_, i) => i);
  return Array.from(loader.epoch(order, epoch, stepsDone * batchSize), ({ inputs, targets, targetShape }) => ({
    inputs: [...inputs],
    targets: [...targets],
    targetShape,
  }));
}

describe('mixup', () => {
  test('blends each sample and its target with the one before it, and the first with the last', () => {
    const [{ inputs, targets, targetShape }] = batchesOf(plain(4), parsed({ type: 'mixup' }));
    const size = 2 * 6 * 8;
    const first = [0, 1, 2, 3].map((row) => inputs[row * size]);
    // Sample 1 is 2, and the sample before it is 1, so it becomes 1 + share.
    const share = first[1] - 1;
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    [4 + share * (1 - 4), 1 + share, 2 + share, 3 + share].forEach((value, row) => expect(first[row]).toBeCloseTo(value, 6));
    expect(inputs).toEqual(first.flatMap((value) => new Array<number>(size).fill(value)));
    expect(targetShape).toEqual([4, CLASSES]);
    // The classes are 0, 1, 2, 0.
    const expected = [1, 0, 0, 1 - share, share, 0, 0, 1 - share, share, share, 0, 1 - share];
    targets.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
  });

  test('draws another share in each step, each epoch and for each seed', () => {
    const shareOf = (options: object, step = 0): number => batchesOf(plain(8), parsed({ type: 'mixup' }), options)[step].inputs[2 * 6 * 8];
    const shares = [shareOf({}), shareOf({}, 1), shareOf({ epoch: 2 }), shareOf({ seed: 4 })];
    expect(new Set(shares.map((share) => share % 1)).size).toBe(4);
  });
});

describe('cutmix', () => {
  test('replaces the same rectangle in every image and blends the targets by its area', () => {
    for (let seed = 0; seed < 30; seed++) {
      const [{ inputs, targets }] = batchesOf(plain(4), parsed({ type: 'cutmix' }), { seed });
      const image = (row: number): number[] => inputs.slice(row * 96, (row + 1) * 96);
      const replaced = image(1).map((value) => value === 1);
      const rows = new Set(replaced.flatMap((is, i) => (is && i < 48 ? [Math.floor(i / 8)] : [])));
      const columns = new Set(replaced.flatMap((is, i) => (is && i < 48 ? [i % 8] : [])));
      const area = replaced.slice(0, 48).filter(Boolean).length;
      expect(area).toBe(rows.size * columns.size);
      expect(replaced.slice(48)).toEqual(replaced.slice(0, 48));
      [0, 1, 2, 3].forEach((row) => expect(image(row)).toEqual(replaced.map((is) => (is ? ((row + 3) % 4) + 1 : row + 1))));
      expect(targets[3]).toBeCloseTo(area / 48, 6);
      expect(targets[4]).toBeCloseTo(1 - area / 48, 6);
    }
  });

  test('keeps on average as much of an image as torchvision', () => {
    const kept = Array.from(
      { length: 400 },
      (_, seed) => batchesOf(plain(2, [1, 32, 32]), parsed({ type: 'cutmix' }), { seed })[0].targets[0],
    );
    // The rectangle is cut at the edges of the image, so more than half stays. The mean over 4000 batches of torchvision's CutMix is 0.702.
    const mean = kept.reduce((sum, value) => sum + value, 0) / 400;
    expect(mean).toBeGreaterThan(0.64);
    expect(mean).toBeLessThan(0.76);
  });
});

describe('the Beta distribution', () => {
  // The mean of Beta(α, α) is 1/2 and its variance 1 / (4 (2α + 1)).
  test.each([0.05, 0.2, 0.7, 1, 1.5, 4, 50])('has the right mean and variance with alpha %d', (alpha) => {
    const draws = new Draws(17, 1);
    draws.start(1, 1, 0);
    const values = Array.from({ length: 20_000 }, () => drawBeta(draws, alpha));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / values.length;
    const expected = 1 / (4 * (2 * alpha + 1));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.abs(mean - 0.5)).toBeLessThan((6 * Math.sqrt(expected)) / Math.sqrt(values.length));
    // The distance from the middle is at most 1/2, so a squared distance has a standard deviation of at most √(expected) / 2.
    expect(Math.abs(variance - expected)).toBeLessThan((3 * Math.sqrt(expected)) / Math.sqrt(values.length));
  });
});

describe('mixed batches', () => {
  const transforms = parsed({ type: 'verticalFlip' }, { type: 'gaussianNoise', clip: false }, { type: 'mixup' }, { type: 'cutmix' });

  test('are the same when an epoch continues in its middle', () => {
    const all = batchesOf(plain(22), transforms);
    expect(batchesOf(plain(22), transforms, { stepsDone: 2 })).toEqual(all.slice(2));
  });

  test('are the same with a thread that reads ahead', async () => {
    const options = { batchSize: 4, dropLast: false, transforms, augmentationSeed: 3 };
    const loader = new AheadLoader(plain(22), options);
    const order = Uint32Array.from({ length: 22 }, (_, i) => i);
    const read = (stepsDone: number) =>
      Array.from(loader.epoch(order, 1, stepsDone * 4), ({ inputs, targets, targetShape }) => ({
        inputs: [...inputs],
        targets: [...targets],
        targetShape,
      }));
    const all = batchesOf(plain(22), transforms);
    expect(read(0)).toEqual(all);
    expect(read(3)).toEqual(all.slice(3));
    await loader.close();
  });

  test('draw new numbers for a sample that comes again in an epoch', () => {
    const loader = new InlineLoader(plain(4), {
      batchSize: 2,
      dropLast: false,
      transforms: parsed({ type: 'gaussianNoise', clip: false }),
      augmentationSeed: 3,
    });
    const [first, second] = Array.from(loader.epoch(Uint32Array.of(1, 2, 2, 1), 1), ({ inputs }) => [...inputs]);
    expect(first.slice(96)).not.toEqual(second.slice(0, 96));
    const [rest] = Array.from(loader.epoch(Uint32Array.of(1, 2, 2, 1), 1, 2), ({ inputs }) => [...inputs]);
    expect(rest).toEqual(second);
  });

  test('are not mixed in evaluation, and keep their classes', () => {
    const loader = new InlineLoader(plain(4), { batchSize: 4, dropLast: false, transforms: parsed({ type: 'mixup' }) });
    const [{ inputs, targets }] = loader.epoch(Uint32Array.of(0, 1, 2, 3));
    expect([...inputs]).toEqual([...plain(4).inputs]);
    expect([...targets]).toEqual([0, 1, 2, 0]);
  });
});

describe('a job spec', () => {
  const job = (transforms: unknown, loss: object = { type: 'crossEntropy' }) => ({
    data: { dataset: 'cifar10', transforms },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }, { type: 'logSoftmax' }] },
    loss,
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 1,
  });

  test('may mix batches at the end of its transforms', () => {
    expect(checkSpec(job([{ type: 'standardize' }, { type: 'mixup' }, { type: 'cutmix', alpha: 0.5 }])).spec.data.transforms).toEqual([
      { type: 'standardize' },
      { type: 'mixup', alpha: 1 },
      { type: 'cutmix', alpha: 0.5 },
    ]);
  });

  test.each([
    [
      'a transform of single samples after one of batches',
      job([{ type: 'mixup' }, { type: 'horizontalFlip' }]),
      '/data/transforms/1',
      'horizontalFlip changes single samples, but mixup before it mixes whole batches: move mixup to the end',
    ],
    [
      'a loss that cannot compare probabilities',
      job([{ type: 'cutmix' }], { type: 'nll' }),
      '/data/transforms/0',
      'cutmix makes targets that are probabilities of classes, which the loss nll cannot compare: use the crossEntropy loss, or remove cutmix',
    ],
    [
      'a class that is ignored',
      job([{ type: 'mixup' }], { type: 'crossEntropy', ignoreIndex: 3 }),
      '/loss/ignoreIndex',
      'the class 3 cannot be ignored, because mixup makes targets that are probabilities: remove ignoreIndex or mixup',
    ],
    ['an alpha of 0', job([{ type: 'mixup', alpha: 0 }]), '/data/transforms/0/alpha', 'must be at least 0.01, got 0'],
  ])('is refused for %s', (_, body, path, message) => {
    let refusal: unknown = null;
    try {
      checkSpec(body);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(SpecError);
    const { issues } = refusal as SpecError;
    expect(issues).toContainEqual(expect.objectContaining({ path, message: expect.stringContaining(message) as string }));
  });
});
