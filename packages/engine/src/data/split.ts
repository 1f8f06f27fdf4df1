// A test part for data that has none: which samples it takes is drawn once and for all, from their numbers alone. It depends
// on no seed, so that jobs with other seeds are tested on the same samples, and it takes no draw from a run's generator.
import { type Dataset, sharableBytes, type Splits, targetSize } from './dataset.ts';
import { sizeOf } from '../shape.ts';

/** A bijection of 32-bit numbers that leaves no pattern of them (the mixing function lowbias32, C. Wellons 2018). */
function mix(number: number): number {
  let x = number;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** The same in a script. */
export const pythonSplit = `
def split(count, tests):
    x = np.arange(count, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D) & np.uint64(0xFFFFFFFF)
    x = (x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B) & np.uint64(0xFFFFFFFF)
    order = np.argsort(x ^ (x >> np.uint64(16)))
    return np.sort(order[tests:]), np.sort(order[:tests])
`;

/** How many of `samples` samples a share of them is: one less than all at most, hence none of a single one, and else at least one. */
export function testSamplesOf(samples: number, share: number): number {
  return Math.min(samples - 1, Math.max(1, Math.round(samples * share)));
}

/** Which samples a split trains and tests on, each in the order of the samples. */
export function splitRows(samples: number, share: number): { readonly train: readonly number[]; readonly test: readonly number[] } {
  const tests = testSamplesOf(samples, share);
  const scores = Float64Array.from({ length: samples }, (_, sample) => mix(sample));
  // All scores differ.
  const bound = scores.toSorted()[tests];
  const rows = (isTest: boolean) => [...scores.keys()].filter((sample) => scores[sample] < bound === isTest);
  return { train: rows(false), test: rows(true) };
}

/** Splits a dataset in two; both parts keep the order of the samples. */
export function splitOff(dataset: Dataset, share: number): Splits {
  const { train, test } = splitRows(dataset.length, share);
  return { train: pick(dataset, train), test: pick(dataset, test) };
}

/** How many of the first samples hold every class that any of them has. */
export function smallestLimit(classes: ArrayLike<number>): number {
  const seen = new Set<number>();
  let limit = 0;
  for (let i = 0; i < classes.length; i++) {
    if (seen.has(classes[i])) continue;
    seen.add(classes[i]);
    limit = i + 1;
  }
  return limit;
}

function pick(dataset: Dataset, rows: readonly number[]): Dataset {
  return {
    ...dataset,
    length: rows.length,
    inputs: pickRows(dataset.inputs, rows, sizeOf(dataset.inputShape)),
    targets: pickRows(dataset.targets, rows, targetSize(dataset.target)),
  };
}

function pickRows<Values extends Uint8Array | Int32Array | Float32Array>(values: Values, rows: readonly number[], size: number): Values {
  const { buffer } = sharableBytes(rows.length * size * values.BYTES_PER_ELEMENT);
  const picked =
    values instanceof Uint8Array
      ? new Uint8Array(buffer)
      : values instanceof Int32Array
        ? new Int32Array(buffer)
        : new Float32Array(buffer);
  for (const [i, row] of rows.entries()) picked.set(values.subarray(row * size, (row + 1) * size), i * size);
  return picked as Values;
}
