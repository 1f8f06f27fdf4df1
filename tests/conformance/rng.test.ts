// PyTorch's draws from a seed, against rng.json: the row of draws from one seeding, the initial weights of layers and
// the shuffled batches of a DataLoader, the last two freshly seeded. The sizes of a draw are read from its name.
import { describe, expect, test } from 'vitest';
import { initializeConvOrLinear } from '../../packages/engine/src/nn/init.ts';
import { epochOrder, Generator } from '../../packages/engine/src/random.ts';
import { readConformance, type StoredTensor } from './conformanceDir.ts';

type Entry = StoredTensor | number[] | number[][];
type Case = { readonly seed: number } & Readonly<Record<string, Entry>>;

const NORMAL_TOLERANCE = 1e-6;
const DRAW = /^(rand|randn|randperm|randint)((?:_-?\d+)+)$/;
const PARAMETER = /^(.+)\.(weight|bias)$/;
const EPOCH = /^dataloader_(\d+)_batch(\d+)_epoch(\d+)$/;

const cases = readConformance<Case[]>('rng.json');

function tensorOf(entry: Entry, name: string): StoredTensor {
  if (Array.isArray(entry)) throw new Error(`${name} is a list, not a tensor`);
  return entry;
}

/** The stored decimals of a tensor as the float32 values that they stand for. */
function float32Of(entry: Entry, name: string): Float32Array {
  return Float32Array.from(tensorOf(entry, name).data);
}

function expectWithin(values: Float32Array, expected: Float32Array, tolerance: number, name: string): void {
  expect(values.length, name).toBe(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0);
  expect(worst, name).toBeLessThanOrEqual(tolerance);
}

function checkDraw(generator: Generator, name: string, kind: string, sizes: readonly number[], entry: Entry): void {
  const [first, high, count] = sizes;
  switch (kind) {
    case 'rand':
      return expect(generator.uniform_(new Float32Array(first)), name).toEqual(float32Of(entry, name));
    case 'randn':
      return expectWithin(generator.normal_(new Float32Array(first)), float32Of(entry, name), NORMAL_TOLERANCE, name);
    case 'randperm':
      return expect([...generator.randperm(first)], name).toEqual(entry);
    default:
      return expect([...generator.randint(first, high, count)], name).toEqual(entry);
  }
}

test('rng.json holds cases, and nothing that this test leaves unread', () => {
  expect(cases.length).toBeGreaterThan(0);
  const unread = cases
    .flatMap((entries) => Object.keys(entries))
    .filter((name) => name !== 'seed' && ![DRAW, PARAMETER, EPOCH].some((known) => known.test(name)));
  expect(unread).toEqual([]);
});

describe.each(cases)('after manual_seed($seed)', (entries) => {
  const namesLike = (pattern: RegExp): [string, RegExpExecArray][] =>
    Object.keys(entries).flatMap((name): [string, RegExpExecArray][] => {
      const match = pattern.exec(name);
      return match ? [[name, match]] : [];
    });

  test('the draws of one seeding follow in order: integers and uniform values exactly, normal values to 1e-6', () => {
    const generator = new Generator(entries.seed);
    const draws = namesLike(DRAW);
    expect(draws.length).toBeGreaterThan(0);
    for (const [name, [, kind, sizes]] of draws) {
      checkDraw(generator, name, kind, sizes.slice(1).split('_').map(Number), entries[name]);
    }
  });

  test('fresh layers have exactly the weights and biases of Conv2d and Linear', () => {
    const generator = new Generator(entries.seed);
    const weights = namesLike(PARAMETER).filter(([, [, , parameter]]) => parameter === 'weight');
    expect(weights.length).toBeGreaterThan(0);
    for (const [name, [, layer]] of weights) {
      const { shape, data } = tensorOf(entries[name], name);
      const expectedBias = entries[`${layer}.bias`];
      const weight = new Float32Array(data.length);
      const bias = expectedBias === undefined ? null : new Float32Array(shape[0]);
      initializeConvOrLinear(weight, bias, data.length / shape[0], generator);
      expect(weight, name).toEqual(float32Of(entries[name], name));
      if (bias !== null) expect(bias, `${layer}.bias`).toEqual(float32Of(expectedBias, `${layer}.bias`));
    }
  });

  test('the epochs of a shuffling DataLoader visit the samples in exactly its order', () => {
    const generator = new Generator(entries.seed);
    const epochs = namesLike(EPOCH);
    expect(epochs.length).toBeGreaterThan(0);
    for (const [name, [, length, batch, epoch]] of epochs) {
      if (epoch === '1') generator.manualSeed(entries.seed);
      const order = [...epochOrder(generator, Number(length), true)];
      const batches = Array.from({ length: Math.ceil(order.length / Number(batch)) }, (_, i) =>
        order.slice(i * Number(batch), (i + 1) * Number(batch)),
      );
      expect(batches, name).toEqual(entries[name]);
    }
  });
});
