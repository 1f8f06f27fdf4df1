// Compares the kernels of the wasm backend with the plain loops of the reference backend in float64, for operands in all kinds of memory.
import { type Backend, ReferenceBackend, type Shape, type WasmBackend } from '@trainyard/engine';
import { type Arbitrary, constantFrom, integer } from 'fast-check';
import { expect } from 'vitest';
import { guardedBackend } from './guardedBackend.ts';

export type FloatArray = ReturnType<Backend['allocate']>;

export const reference = new ReferenceBackend({ dtype: 'float64' });
export const wasm = guardedBackend();

/** The memory of a kernel's operands. */
export type Place = 'arena' | 'persistent' | 'hosted';
export const places = constantFrom<Place[]>('arena', 'persistent', 'hosted');
export const upTo = (max: number): Arbitrary<number> => integer({ min: 1, max });
export const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1);
const zeros = (length: number): Float32Array => new Float32Array(length);

/** Returns random numbers in [low, high) for a seed. */
export function noise(length: number, seed: number, low = -1, high = 1): Float32Array {
  let state = seed;
  const values = zeros(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = low + ((high - low) * (state >>> 8)) / 2 ** 24;
  }
  return values;
}

function put(backend: WasmBackend, data: Float32Array, place: Place): FloatArray {
  if (place === 'hosted') return data.slice();
  const array = place === 'arena' ? backend.allocate(data.length) : backend.allocatePersistent(data.length);
  array.set(data);
  return array;
}

export type Kernel = (backend: Backend, operands: FloatArray[], results: FloatArray[]) => void;

/** Returns the largest magnitude of the finite numbers; 0 if there are none. */
export function largestOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/**
 * Runs a kernel on both backends with the same operands. Expects that the results differ by at most `tolerance` times the largest magnitude
 * of results and operands, because rounding errors depend on the size of the operands even if these cancel.
 * @param results the results before the call: their numbers if the kernel changes them, or their length if it only writes them
 */
export function compare(
  place: Place,
  operands: readonly Float32Array[],
  results: readonly (Float32Array | number)[],
  kernel: Kernel,
  tolerance = 2e-6,
  on: WasmBackend = wasm,
): void {
  const start = results.map((data) => (typeof data === 'number' ? zeros(data).fill(Number.NaN) : data));
  const expected = compute(operands, start, kernel);
  const given = [...operands, ...start].map(largestOf);
  const scales = expected.map((result) => new Float64Array(result.length).fill(Math.max(...given, largestOf(result))));
  expectNear(on, place, operands, start, kernel, expected, scales, tolerance);
}

/**
 * Compares a kernel whose results are sums of products of its operands. Each result may differ by `tolerance` times the sum of its terms'
 * magnitudes, which is the accuracy of float32 if terms cancel. For an algorithm that `mixes` results, such as Winograd's, the largest of
 * these sums is used.
 * @param lengths the lengths of the results
 */
export function compareSums(
  place: Place,
  operands: readonly Float32Array[],
  lengths: number | readonly number[],
  kernel: Kernel,
  { on = wasm, mixes = false, tolerance = 2e-6, sums = sumsOf(operands, lengths, kernel) }: Comparing = {},
): void {
  const scales = mixes ? sums.magnitudes.map((result) => result.slice().fill(largestOf(result))) : sums.magnitudes;
  expectNear(on, place, operands, unwritten(lengths), kernel, sums.expected, scales, tolerance);
}

interface Comparing {
  readonly on?: WasmBackend;
  readonly mixes?: boolean;
  readonly tolerance?: number;
  readonly sums?: Sums;
}

/** The results of the reference backend, and for each of them the sum of its terms' magnitudes. */
export interface Sums {
  readonly expected: readonly Float64Array[];
  readonly magnitudes: readonly Float64Array[];
}

/** Computes what `compareSums` expects. Several comparisons with the same operands can share it. */
export function sumsOf(operands: readonly Float32Array[], lengths: number | readonly number[], kernel: Kernel): Sums {
  const magnitudes = operands.map((data) => data.map(Math.abs));
  return { expected: compute(operands, unwritten(lengths), kernel), magnitudes: compute(magnitudes, unwritten(lengths), kernel) };
}

const unwritten = (lengths: number | readonly number[]): Float32Array[] => [lengths].flat().map((length) => zeros(length).fill(Number.NaN));

/** Returns the results of the reference backend. */
function compute(operands: readonly Float32Array[], start: readonly Float32Array[], kernel: Kernel): Float64Array[] {
  const results = start.map((data) => new Float64Array(data));
  kernel(
    reference,
    operands.map((data) => new Float64Array(data)),
    results,
  );
  return results;
}

function expectNear(
  backend: WasmBackend,
  place: Place,
  operands: readonly Float32Array[],
  start: readonly Float32Array[],
  kernel: Kernel,
  expected: readonly Float64Array[],
  scales: readonly Float64Array[],
  tolerance: number,
): void {
  const mark = backend.enterArena();
  try {
    const actual = start.map((data) => put(backend, data, place));
    kernel(
      backend,
      operands.map((data) => put(backend, data, place)),
      actual,
    );
    for (const [which, result] of actual.entries()) {
      for (let i = 0; i < expected[which].length; i++) {
        const [is, wanted] = [result[i], Math.fround(expected[which][i])];
        const isNear = is === wanted || Math.abs(is - wanted) <= tolerance * scales[which][i] || (Number.isNaN(is) && Number.isNaN(wanted));
        if (!isNear) expect.fail(`result ${which}: element ${i} of ${expected[which].length} is ${is}, expected ${wanted}`);
      }
    }
  } finally {
    backend.leaveArena(mark);
  }
}

export const seeds = integer({ min: 1, max: 0x7fffffff });
export const lengths = integer({ min: 0, max: 70 });
