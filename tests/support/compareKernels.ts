// Comparison of the wasm backend's kernels with the reference backend's plain loops in float64, wherever operands lie.
import { type Backend, ReferenceBackend, type Shape, WasmBackend } from '@trainyard/engine';
import { type Arbitrary, constantFrom, integer } from 'fast-check';
import { expect } from 'vitest';

export type FloatArray = ReturnType<Backend['allocate']>;

export const reference = new ReferenceBackend({ dtype: 'float64' });
export const wasm = new WasmBackend();

/** Where the operands of a kernel lie. */
export type Place = 'arena' | 'persistent' | 'hosted';
export const places = constantFrom<Place[]>('arena', 'persistent', 'hosted');
export const upTo = (max: number): Arbitrary<number> => integer({ min: 1, max });
export const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);
const zeros = (length: number): Float32Array => new Float32Array(length);

/** Numbers in [low, high) that are different for each `seed`. */
export function noise(length: number, seed: number, low = -1, high = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return low + ((high - low) * (state >>> 8)) / 2 ** 24;
  });
}

function put(data: Float32Array, place: Place): FloatArray {
  if (place === 'hosted') return data.slice();
  const array = place === 'arena' ? wasm.allocate(data.length) : wasm.allocatePersistent(data.length);
  array.set(data);
  return array;
}

export type Kernel = (backend: Backend, operands: FloatArray[], results: FloatArray[]) => void;

/**
 * Runs a kernel on both backends with the same operands, and expects its results to agree to `tolerance` of the largest
 * one. The results start as `results`: numbers for what a kernel changes, a length for what it only writes.
 */
export function compare(
  place: Place,
  operands: readonly Float32Array[],
  results: readonly (Float32Array | number)[],
  kernel: Kernel,
  tolerance = 2e-6,
): void {
  const mark = wasm.enterArena();
  try {
    const start = results.map((data) => (typeof data === 'number' ? zeros(data).fill(Number.NaN) : data));
    const expected = start.map((data) => Float64Array.from(data));
    kernel(
      reference,
      operands.map((data) => Float64Array.from(data)),
      expected,
    );
    const actual = start.map((data) => put(data, place));
    kernel(
      wasm,
      operands.map((data) => put(data, place)),
      actual,
    );
    actual.forEach((array, which) => expectNear(array, expected[which], tolerance, `result ${which}`));
  } finally {
    wasm.leaveArena(mark);
  }
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) if (Number.isFinite(expected[i])) largest = Math.max(largest, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    const wanted = Math.fround(expected[i]);
    const isNear =
      actual[i] === wanted || Math.abs(actual[i] - wanted) <= tolerance * largest || (Number.isNaN(actual[i]) && Number.isNaN(wanted));
    if (!isNear) expect.fail(`${what}: element ${i} of ${expected.length} is ${actual[i]}, expected ${wanted}`);
  }
}

export const seeds = integer({ min: 1, max: 0x7fffffff });
export const lengths = integer({ min: 0, max: 70 });
