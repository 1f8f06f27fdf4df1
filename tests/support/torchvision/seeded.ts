// Weights and images from a formula, and what torchvision computes from them (results.json). make.py has the same formula.
import { readFileSync } from 'node:fs';
import type { Shape } from '@trainyard/engine';
import type { NamedArray } from '@trainyard/engine/formats';

export const batch = 8;
export const side = 64;
export const classes = 10;

/** Some numbers of a tensor: the largest absolute value, and values at equal distances. */
export interface Shown {
  readonly max: number;
  readonly values: readonly number[];
}

interface Computed {
  readonly outputs: readonly (readonly number[])[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Shown>>;
}

export interface TorchvisionResult {
  readonly parameters: number;
  /** The shapes of all tensors by torchvision's names, in the order of its state_dict. */
  readonly tensors: Readonly<Record<string, Shape>>;
  readonly evaluation: Computed;
  readonly training: Computed;
  readonly statistics: Readonly<Record<string, Shown>>;
}

/** What torchvision computes, by the name of the preset. */
export const torchvisionResults = JSON.parse(readFileSync(new URL('results.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, TorchvisionResult>
>;

/** Returns numbers from −1 up to but not including 1. */
export function noise(seed: number, count: number): Float64Array {
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 2654435761) + Math.imul(seed, 40503) + 1) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 2246822519);
    x = Math.imul(x ^ (x >>> 13), 3266489917);
    x ^= x >>> 16;
    numbers[i] = (x >>> 8) / 2 ** 23 - 1;
  }
  return numbers;
}

function seededArray(name: string, shape: Shape, seed: number): NamedArray {
  if (name.endsWith('num_batches_tracked')) return { name, shape, data: BigInt64Array.of(3n) };
  const size = shape.reduce((product, length) => product * length, 1);
  const [offset, scale] =
    shape.length > 1
      ? [0, Math.sqrt(3 / (size / shape[0]))]
      : name.endsWith('running_var')
        ? [1, 0.5]
        : name.endsWith('weight')
          ? [1, 0.25]
          : [0, 0.125];
  const data = new Float32Array(size);
  const numbers = noise(seed, size);
  for (let i = 0; i < size; i++) data[i] = offset + scale * numbers[i];
  return { name, shape, data };
}

/** Returns all tensors of a network, with torchvision's names. */
export const seededWeights = ({ tensors }: TorchvisionResult): NamedArray[] =>
  Object.entries(tensors).map(([name, shape], index) => seededArray(name, shape, index));

/** Returns the classes of the images of results.json. */
export const seededTargets = (): number[] => Array.from({ length: batch }, (_, index) => (index * 3) % classes);

/** Returns what results.json shows of these values. @param count the most values that are shown */
export function shownOf(values: ArrayLike<number>, count: number): Shown {
  const step = count === Infinity ? 1 : Math.max(1, Math.floor(values.length / 3));
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i]));
  const shown: number[] = [];
  for (let i = 0; i < values.length && shown.length < count; i += step) shown.push(values[i]);
  return { max, values: shown };
}
