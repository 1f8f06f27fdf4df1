// Splits off a test part from data without one. Whether a sample is in the test part depends only on its index, the number of samples and
// the size of the test part. It does not depend on the job's seed, so all jobs are tested on the same samples, and no numbers are drawn
// from a run's generator.
import { type Dataset, sharableBytes, type Splits, targetSize } from './dataset.ts';
import { sizeOf } from '../shape.ts';

/** Maps each 32-bit number to a different, random-looking 32-bit number (lowbias32, C. Wellons 2018). */
function mix(number: number): number {
  let x = number;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A Python function that splits samples in the same way as {@link splitRows}. */
export const pythonSplit = `
def split(count, tests):
    x = np.arange(count, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D) & np.uint64(0xFFFFFFFF)
    x = (x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B) & np.uint64(0xFFFFFFFF)
    order = np.argsort(x ^ (x >> np.uint64(16)))
    return np.sort(order[tests:]), np.sort(order[:tests])
`;

/**
 * Returns the number of test samples for a share of `samples` samples, rounded. At least one sample is for testing and at least one for
 * training; a single sample is for training.
 */
export function testSamplesOf(samples: number, share: number): number {
  return Math.min(samples - 1, Math.max(1, Math.round(samples * share)));
}

/** Returns the indices of the training samples and of the test samples, in ascending order. */
export function splitRows(samples: number, share: number): { readonly train: readonly number[]; readonly test: readonly number[] } {
  const tests = testSamplesOf(samples, share);
  const scores = Float64Array.from({ length: samples }, (_, sample) => mix(sample));
  // All scores are different, so exactly `tests` of them are below the bound.
  const bound = scores.toSorted()[tests];
  const rows = (isTest: boolean) => [...scores.keys()].filter((sample) => scores[sample] < bound === isTest);
  return { train: rows(false), test: rows(true) };
}

/** Splits a dataset into two parts. Both parts keep the order of the samples. */
export function splitOff(dataset: Dataset, share: number): Splits {
  const { train, test } = splitRows(dataset.length, share);
  return { train: pick(dataset, train), test: pick(dataset, test) };
}

/** Returns how many samples must be taken, from the first one on, until every class of the list occurs. */
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
