// Tests the transforms of samples: their results equal those of torchvision, their results have the shapes that the transforms declare, and
// wrong options are refused. Their random numbers depend only on the seed, the epoch and the sample.
import { train } from '@trainyard/engine';
import {
  type BatchLoader,
  type BatchOptions,
  fitTransforms,
  InlineLoader,
  type TransformSpec,
  transformDefinitions,
  transformSchema,
} from '@trainyard/engine/data';
import { checkSpec, SpecError } from '@trainyard/engine/spec';
import { AheadLoader, NodeDatasetFiles } from '@trainyard/engine/node';
import { describe, expect, test } from 'vitest';
import { type Dataset, targetArray } from '../../../packages/engine/src/data/dataset.ts';
import { Draws, philox } from '../../../packages/engine/src/data/transforms/draws.ts';
import { transformedShape } from '../../../packages/engine/src/data/transforms/index.ts';
import { normalAt } from '../../../packages/engine/src/data/transforms/normal.ts';
import { SampleReader } from '../../../packages/engine/src/data/transforms/reader.ts';
import { transformOptions } from '../../support/registryJobs.ts';

type Input = Readonly<Record<string, unknown> & { type: string }>;
const parsed = (...transforms: readonly Input[]): TransformSpec[] => transforms.map((transform) => transformSchema.parse(transform));

/** Creates samples of a shape with the values 0, 1, 2, …, all different. */
function counting(inputShape: readonly number[], length = 1): Dataset {
  const size = inputShape.reduce((a, b) => a * b, 1);
  return {
    length,
    inputShape,
    inputs: Float32Array.from({ length: length * size }, (_, i) => i),
    target: { kind: 'class', classes: ['a'] },
    targets: new Uint8Array(length),
  };
}

function read(
  dataset: Dataset,
  transforms: TransformSpec[],
  { seed, epoch = 1, order }: { seed?: number; epoch?: number; order?: number[] } = {},
) {
  const statistics = fitTransforms(dataset, transforms);
  const reader = new SampleReader(dataset, { transforms, statistics, ...(seed !== undefined && { augmentationSeed: seed }) });
  const size = reader.shape.reduce((a, b) => a * b, 1);
  const indices = Uint32Array.from(order ?? Array.from({ length: dataset.length }, (_, i) => i));
  const out = new Float32Array(indices.length * size);
  reader.read(indices, epoch, out, targetArray(reader.target, indices.length));
  return Array.from(indices, (_, i) => [...out.subarray(i * size, (i + 1) * size)]);
}

/** Returns the sample of `counting`, transformed as in evaluation. */
const once = (shape: readonly number[], ...transforms: readonly Input[]): number[] => read(counting(shape), parsed(...transforms))[0];

describe('normalize', () => {
  test('computes in float32 as torch does', () => {
    const bytes: Dataset = { ...counting([2, 1, 3]), inputs: Uint8Array.of(0, 51, 255, 1, 2, 3) };
    const [sample] = read(bytes, parsed({ type: 'normalize', mean: [0.1307, 0.5], std: [0.3081, 0.25] }));
    // (torch.tensor([0, 51, 255, 1, 2, 3]) / 255 - mean) / std, every step rounded to float32.
    const f = Math.fround;
    const expected = [0, 51, 255, 1, 2, 3].map((byte, i) => {
      const [mean, std] = i < 3 ? [f(0.1307), f(0.3081)] : [0.5, 0.25];
      return f(f(f(byte / 255) - mean) / std);
    });
    expect(sample).toEqual(expected);
    expect(sample[0]).toBeCloseTo(-0.42421296, 7);
    expect(sample[2]).toBeCloseTo(2.8214867, 6);
  });

  test('accepts one value for all channels, and samples that are not images', () => {
    expect(once([2, 1, 2], { type: 'normalize', mean: [1], std: [2] })).toEqual([-0.5, 0, 0.5, 1]);
    expect(once([3], { type: 'normalize', mean: [0, 1, 2], std: [1, 1, 1] })).toEqual([0, 0, 0]);
  });
});

describe('pad', () => {
  test('surrounds each channel with a value', () => {
    expect(once([2, 1, 2], { type: 'pad', padding: 1, fill: -1 })).toEqual([
      -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 3, -1, -1, -1, -1, -1,
    ]);
  });

  test("reads its sides in torchvision's order: left and right before top and bottom", () => {
    const shape = (padding: unknown) => {
      const result = transformedShape(parsed({ type: 'pad', padding }), [1, 10, 20]);
      return result.ok ? result.shape : result.error;
    };
    expect(shape([1, 2])).toEqual([1, 14, 22]);
    expect(shape([1, 2, 3, 4])).toEqual([1, 16, 24]);
    expect(once([1, 1, 1], { type: 'pad', padding: [1, 0, 0, 2], fill: 9 })).toEqual([9, 0, 9, 9, 9, 9]);
  });

  test.each([
    ['edge', [0, 0, 0, 1, 2, 2, 2]],
    ['reflect', [2, 1, 0, 1, 2, 1, 0]],
    ['symmetric', [1, 0, 0, 1, 2, 2, 1]],
  ])('extends the image with the mode %s', (paddingMode, expected) => {
    expect(once([1, 1, 3], { type: 'pad', padding: [2, 0], paddingMode })).toEqual(expected);
  });
});

describe('randomCrop', () => {
  test('in evaluation uses the whole image if the size stays the same, and otherwise its middle', () => {
    expect(once([1, 3, 3], { type: 'randomCrop', size: 3, padding: [1, 2, 3, 4] })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(once([1, 4, 4], { type: 'randomCrop', size: 2 })).toEqual([5, 6, 9, 10]);
    expect(once([1, 1, 2], { type: 'randomCrop', size: [1, 4], padding: [0, 0, 2, 0] })).toEqual([0, 1, 0, 0]);
  });

  test('in training uses every position about equally often', () => {
    const places = new Map<number, number>();
    for (const [first] of read(
      { ...counting([1, 3, 3], 9000), inputs: Float32Array.from({ length: 81_000 }, (_, i) => i % 9) },
      parsed({ type: 'randomCrop', size: 2 }),
      { seed: 3 },
    )) {
      places.set(first, (places.get(first) ?? 0) + 1);
    }
    expect(new Set(places.keys())).toEqual(new Set([0, 1, 3, 4]));
    // With four positions and 9000 draws, one standard deviation is 41.
    for (const count of places.values()) expect(Math.abs(count - 2250)).toBeLessThan(200);
  });

  test('crops the same part of every channel', () => {
    for (const [a, b, c, d] of read(counting([2, 5, 5], 50), parsed({ type: 'randomCrop', size: [1, 2], padding: 0 }), { seed: 1 })) {
      expect([b - a, c - a, d - a]).toEqual([1, 25, 26]);
    }
  });
});

describe('horizontalFlip', () => {
  test('mirrors all with p 1, none with p 0 and none in evaluation', () => {
    const flip = (p: number, seed?: number) =>
      read(counting([1, 2, 3]), parsed({ type: 'horizontalFlip', p }), seed === undefined ? {} : { seed })[0];
    expect(flip(1, 0)).toEqual([2, 1, 0, 5, 4, 3]);
    expect(flip(0, 0)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(flip(1)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('mirrors half of the images by default', () => {
    const mirrored = read(counting([1, 1, 2], 4000), parsed({ type: 'horizontalFlip' }), { seed: 5 }).filter(([a, b]) => a > b).length;
    expect(Math.abs(mirrored - 2000)).toBeLessThan(160);
  });
});

describe('verticalFlip', () => {
  test('mirrors all with p 1, none with p 0 and none in evaluation', () => {
    const flip = (p: number, seed?: number) =>
      read(counting([1, 3, 2]), parsed({ type: 'verticalFlip', p }), seed === undefined ? {} : { seed })[0];
    expect(flip(1, 0)).toEqual([4, 5, 2, 3, 0, 1]);
    expect(flip(0, 0)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(flip(1)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('randomResizedCrop', () => {
  test('cuts parts whose area and ratio are within the limits', () => {
    // The sum of a row of the result grows with the part's width, and that of a column with its height.
    const ramp: Dataset = { ...counting([2, 40, 40], 300), inputs: Float32Array.from({ length: 300 * 3200 }, (_, i) => slope(i % 3200)) };
    const limits = { scale: [0.25, 0.5], ratio: [0.5, 2] };
    for (const sample of read(ramp, parsed({ type: 'randomResizedCrop', size: 40, ...limits }), { seed: 4 })) {
      const width = ((sample[20 * 40 + 30] - sample[20 * 40 + 10]) / 20) * 40;
      const height = ((sample[1600 + 30 * 40 + 20] - sample[1600 + 10 * 40 + 20]) / 20) * 40;
      // The sides are rounded to whole pixels.
      expect(width * height).toBeGreaterThan(0.25 * 1600 - 41);
      expect(width * height).toBeLessThan(0.5 * 1600 + 41);
      expect(width / height).toBeGreaterThan(0.5 * 0.93);
      expect(width / height).toBeLessThan(2 * 1.07);
    }
  });

  /** The column of a pixel in the first channel, and its row in the second. */
  const slope = (at: number): number => (at < 1600 ? at % 40 : Math.floor((at - 1600) / 40));

  test('cuts the middle if no part fits', () => {
    // Only parts of four times the height would have this area, and the image has no such height.
    const [sample] = read(counting([1, 4, 8]), parsed({ type: 'randomResizedCrop', size: [4, 1], scale: [1, 1], ratio: [0.25, 0.25] }), {
      seed: 0,
    });
    expect(sample).toEqual([3, 11, 19, 27]);
  });
});

describe('rotate and affine', () => {
  test('change nothing in evaluation', () => {
    const image = counting([1, 3, 4]).inputs;
    expect(once([1, 3, 4], { type: 'rotate', degrees: 90 })).toEqual([...image]);
    expect(once([1, 3, 4], { type: 'affine', degrees: 90, translate: [1, 1] })).toEqual([...image]);
  });

  test('affine moves an image by whole pixels up to the shares of its size', () => {
    const inputs = new Float32Array(400 * 100).map((_, i) => (i % 100 === 55 ? 1 : 0));
    const moved = read({ ...counting([1, 10, 10], 400), inputs }, parsed({ type: 'affine', degrees: 0, translate: [0.2, 0.1] }), {
      seed: 2,
    });
    const places = new Set(moved.map((sample) => sample.indexOf(1)));
    // The pixel in row 5 and column 5 moves by at most one row and two columns.
    const expected = [4, 5, 6].flatMap((row) => [3, 4, 5, 6, 7].map((column) => row * 10 + column));
    expect([...places].toSorted((a, b) => a - b)).toEqual(expected);
  });
});

describe('gaussianNoise', () => {
  test('draws one normally distributed number for each value', () => {
    const zeros: Dataset = { ...counting([1, 50, 50]), inputs: new Float32Array(2500) };
    const [noise] = read(zeros, parsed({ type: 'gaussianNoise', mean: 1, sigma: 2, clip: false }), { seed: 6 });
    const mean = noise.reduce((sum, value) => sum + value, 0) / 2500;
    const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2500;
    // The standard deviations of these two estimates are 0.04 and 0.11.
    expect(Math.abs(mean - 1)).toBeLessThan(0.2);
    expect(Math.abs(variance - 4)).toBeLessThan(0.6);
  });

  test.each([
    // Python's statistics.NormalDist().inv_cdf.
    [0.5, 0],
    [0.025, -1.9599639845400538],
    [0.9, 1.2815515655446008],
    [0.00003, -4.012810811118253],
    [1 - 2 ** -33, 6.337957754553789],
  ])('uses the inverse of the normal distribution: %d', (probability, expected) => {
    expect(Math.abs(normalAt(probability) - expected)).toBeLessThan(1e-14 * Math.max(1, Math.abs(expected)));
  });

  test('limits the results to 0 … 1, unless `clip` is false', () => {
    const [noisy] = read(
      { ...counting([1, 20, 20]), inputs: new Float32Array(400).fill(0.5) },
      parsed({ type: 'gaussianNoise', sigma: 5 }),
      {
        seed: 1,
      },
    );
    expect([Math.min(...noisy), Math.max(...noisy)]).toEqual([0, 1]);
  });
});

describe('randomErasing', () => {
  const ones = (samples: number): Dataset => ({ ...counting([2, 20, 20], samples), inputs: new Float32Array(samples * 800).fill(1) });

  test('erases the same rectangle of every channel, with an area within the limits', () => {
    const options = { p: 1, scale: [0.1, 0.2], ratio: [0.5, 2], value: [5, 7] };
    for (const sample of read(ones(100), parsed({ type: 'randomErasing', ...options }), { seed: 3 })) {
      const rows = new Set<number>();
      const columns = new Set<number>();
      for (let i = 0; i < 400; i++) {
        expect([
          [1, 1],
          [5, 7],
        ]).toContainEqual([sample[i], sample[400 + i]]);
        if (sample[i] === 5) rows.add(Math.floor(i / 20));
        if (sample[i] === 5) columns.add(i % 20);
      }
      const area = sample.slice(0, 400).filter((value) => value === 5).length;
      expect(area).toBe(rows.size * columns.size);
      // The sides are rounded to whole pixels.
      expect(area).toBeGreaterThan(0.1 * 400 - 15);
      expect(area).toBeLessThan(0.2 * 400 + 15);
    }
  });

  test('erases a share p of the images, and nothing in evaluation', () => {
    const erased = read(ones(2000), parsed({ type: 'randomErasing' }), { seed: 5 }).filter((sample) => sample.includes(0)).length;
    expect(Math.abs(erased - 1000)).toBeLessThan(120);
    expect(read(ones(3), parsed({ type: 'randomErasing', p: 1 })).flat()).not.toContain(0);
  });

  test('erases with normally distributed values', () => {
    const [sample] = read(ones(1), parsed({ type: 'randomErasing', p: 1, value: 'random', scale: [0.5, 0.5], ratio: [1, 1] }), { seed: 5 });
    const noise = sample.filter((value) => value !== 1);
    expect(noise.length).toBe(2 * 14 * 14);
    expect(new Set(noise).size).toBe(noise.length);
  });
});

describe('the draws of augmentation', () => {
  // Random123's kat_vectors for philox4x32, 10 rounds.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('are those of Philox4x32-10: counter %j', (counter, [key0, key1], expected) => {
    const words = Uint32Array.from(counter);
    philox(words, key0, key1);
    expect([...words]).toEqual(expected);
  });

  test('come in blocks of four with the counter [sample, epoch, transform + 256 · block, occurrence]', () => {
    const blockOf = (...counter: readonly number[]): number[] => {
      const words = Uint32Array.from(counter);
      philox(words, 9, 0);
      return Array.from(words, (word) => word / 2 ** 32);
    };
    const draws = new Draws(9);
    draws.start(1, 2, 3);
    const first = Array.from({ length: 8 }, () => draws.uniform());
    expect(first).toEqual([...blockOf(2, 1, 3, 0), ...blockOf(2, 1, 3 + 256, 0)]);
    draws.skipTo(6);
    expect([draws.uniform(), draws.uniform()]).toEqual(first.slice(6));
    draws.start(1, 2, 3, 5);
    expect(draws.uniform()).toBe(blockOf(2, 1, 3, 5)[0]);
  });

  const augment = parsed(
    { type: 'randomCrop', size: 6, padding: 2 },
    { type: 'horizontalFlip' },
    { type: 'normalize', mean: [1], std: [2] },
  );
  const dataset = counting([1, 6, 6], 60);

  test('do not depend on the order of reading or on earlier reads', () => {
    const inOrder = read(dataset, augment, { seed: 7, epoch: 3 });
    const order = inOrder.map((_, i) => (i * 7 + 3) % 60);
    expect(read(dataset, augment, { seed: 7, epoch: 3, order })).toEqual(order.map((sample) => inOrder[sample]));
    expect(read(dataset, augment, { seed: 7, epoch: 3, order: [41] })).toEqual([inOrder[41]]);
  });

  test('differ from epoch to epoch, from seed to seed and between transforms of one kind', () => {
    const runs = [
      read(dataset, augment, { seed: 7, epoch: 3 }),
      read(dataset, augment, { seed: 7, epoch: 4 }),
      read(dataset, augment, { seed: 8, epoch: 3 }),
    ];
    expect(new Set(runs.map((run) => JSON.stringify(run))).size).toBe(3);
    const twice = read(dataset, parsed({ type: 'horizontalFlip' }, { type: 'horizontalFlip' }), { seed: 7 });
    expect(twice.filter(([a, b]) => a > b).length).toBeGreaterThan(10);
  });
});

describe('a job spec', () => {
  const job = (transforms: unknown, data: object = { dataset: 'cifar10' }) => ({
    data: { ...data, transforms },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 1,
  });

  function refusal(body: unknown): SpecError['issues'] {
    try {
      checkSpec(body);
    } catch (error) {
      if (error instanceof SpecError) return error.issues;
      throw error;
    }
    throw new Error('the spec was accepted');
  }

  test('fills in the defaults of its transforms, and its network gets the transformed shape', () => {
    const { spec, summary } = checkSpec(
      job([{ type: 'pad', padding: 2 }, { type: 'randomCrop', size: [30, 20] }, { type: 'horizontalFlip' }]),
    );
    expect(spec.data.transforms).toEqual([
      { type: 'pad', padding: 2, fill: 0, paddingMode: 'constant' },
      { type: 'randomCrop', size: [30, 20], padding: 0, fill: 0, paddingMode: 'constant' },
      { type: 'horizontalFlip', p: 0.5 },
    ]);
    expect(summary.layers[0].outputShape).toEqual([3 * 30 * 20]);
    expect(checkSpec(job(undefined)).spec.data.transforms).toEqual([]);
  });

  test.each([
    [
      'a crop larger than its padded image',
      [{ type: 'horizontalFlip' }, { type: 'randomCrop', size: 41, padding: 4 }],
      '/data/transforms/1/size',
      'shapeMismatch',
      'randomCrop: a crop of 41×41 does not fit the 40×40 image (32×32 and its padding): use a smaller size or more padding',
    ],
    [
      'a mean for other channels',
      [{ type: 'normalize', mean: [0, 0], std: [1] }],
      '/data/transforms/0/mean',
      'shapeMismatch',
      'normalize: 2 values do not fit samples of shape [3, 32, 32]: give one value for all channels, or 3 values',
    ],
    [
      'a mirror larger than the image',
      [{ type: 'pad', padding: [0, 32], paddingMode: 'reflect' }],
      '/data/transforms/0/padding',
      'shapeMismatch',
      'pad: padding [0, 32, 0, 32] mirrors more than a 32×32 image has: use less padding, or another paddingMode',
    ],
    ['an unknown transform', [{ type: 'sharpen' }], '/data/transforms/0/type', 'unknownType', 'unknown type "sharpen"'],
    [
      'a range that begins above its end',
      [{ type: 'colorJitter', contrast: [1.2, 0.8] }],
      '/data/transforms/0/contrast',
      'invalidValue',
      'must be [least, most] with least <= most',
    ],
    [
      'grey images of other channels at random',
      [{ type: 'grayscale', p: 0.2, numOutputChannels: 1 }],
      '/data/transforms/0/numOutputChannels',
      'shapeMismatch',
      'grayscale: 1 channels do not fit images of 3 channels that become grey with p 0.2: remove numOutputChannels, or use p 1',
    ],
    [
      'a kernel that is larger than the mirrored image',
      [{ type: 'gaussianBlur', kernelSize: 65 }],
      '/data/transforms/0/kernelSize',
      'shapeMismatch',
      'gaussianBlur: a kernel of [65, 65] mirrors more than a 32×32 image has: use at most [63, 63]',
    ],
    ['an even kernel', [{ type: 'gaussianBlur', kernelSize: 4 }], '/data/transforms/0/kernelSize', 'invalidValue', 'must be an odd number'],
    [
      'values for other channels',
      [{ type: 'randomErasing', value: [0, 1] }],
      '/data/transforms/0/value',
      'shapeMismatch',
      'randomErasing: 2 values do not fit images of 3 channels: give one value, or one value per channel',
    ],
    [
      'a maxSize below the size',
      [{ type: 'resize', size: 40, maxSize: 32 }],
      '/data/transforms/0/maxSize',
      'shapeMismatch',
      'resize: 32 is not above the size 40 of the shorter side: use a larger maxSize',
    ],
    [
      'a scaled image with a side that is too long',
      [
        { type: 'pad', padding: [0, 2000, 0, 2000] },
        { type: 'resize', size: 100 },
      ],
      '/data/transforms/1/size',
      'shapeMismatch',
      'resize: the scaled image would be 12600×100, but a side has at most 8192 pixels: use a smaller size',
    ],
    [
      'a standard deviation of 0',
      [{ type: 'normalize', mean: [0], std: [0] }],
      '/data/transforms/0/std/0',
      'tooSmall',
      'must be at least 1e-12, got 0',
    ],
  ])('is refused for %s', (_, transforms, path, code, message) => {
    const [problem] = refusal(job(transforms));
    expect(problem).toMatchObject({ path, code, message: expect.stringContaining(message) as string });
  });

  test('is refused for images of data that are none', () => {
    const data = { dataset: 'random', inputShape: [12], targetShape: [10] };
    const [problem] = refusal({ ...job([{ type: 'horizontalFlip' }], data), loss: { type: 'mse' } });
    expect(problem).toMatchObject({
      path: '/data/transforms/0',
      message: expect.stringContaining('the samples have the shape [12]') as string,
    });
  });
});

test('every transform gives samples of its declared shape', () => {
  for (const { type } of transformDefinitions) {
    const specs = parsed({ type, ...transformOptions[type] });
    const shape = transformedShape(specs, [3, 30, 35]);
    if (!shape.ok) throw shape.error;
    for (const seed of [undefined, 0]) {
      const [sample] = read(counting([3, 30, 35]), specs, seed === undefined ? {} : { seed });
      expect(sample.every((value) => Number.isFinite(value))).toBe(true);
    }
    const statistics = fitTransforms(counting([3, 30, 35]), specs);
    expect(new SampleReader(counting([3, 30, 35]), { transforms: specs, statistics }).shape).toEqual(shape.shape);
  }
});

test('a run augments its training samples differently in each epoch and never its test samples, with both loaders', async () => {
  const { spec } = checkSpec({
    seed: 11,
    data: {
      dataset: 'digits',
      trainLimit: 60,
      testLimit: 20,
      batchSize: 16,
      transforms: [
        { type: 'randomCrop', size: 24, padding: 2 },
        { type: 'normalize', mean: [0.1], std: [0.3] },
      ],
    },
    model: { layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
    loss: { type: 'crossEntropy' },
    optimizer: { type: 'sgd', learningRate: 0.1 },
    epochs: 2,
  });

  async function run(Loader: new (dataset: Dataset, options: BatchOptions) => BatchLoader) {
    const opened: BatchOptions[] = [];
    const epochs: (number | undefined)[] = [];
    const openLoader = (dataset: Dataset, options: BatchOptions): BatchLoader => {
      opened.push(options);
      const loader = new Loader(dataset, options);
      return { epoch: (order, epoch) => (epochs.push(epoch), loader.epoch(order, epoch)), close: () => loader.close() };
    };
    const events = train(spec, { files: new NodeDatasetFiles({ folders: [], home: '/nonexistent' }), openLoader });
    for (;;) {
      const next = await events.next();
      if (next.done === true) return { sha256: next.value.result.weightsSha256, opened, epochs };
    }
  }
  const inline = await run(InlineLoader);
  const ahead = await run(AheadLoader);
  expect(ahead.sha256).toBe(inline.sha256);
  expect(inline.opened.map(({ augmentationSeed }) => augmentationSeed)).toEqual([11, undefined]);
  expect(inline.epochs.filter((epoch) => epoch !== undefined)).toEqual([1, 2]);
});
