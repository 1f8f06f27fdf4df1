// The part of the contract that moves and mixes elements by position: runs, rows picked by an index, pixels into numbers, and
// planes mapped linearly along their sides, which is what pooling by averages and resizing are.
import type { FloatArray } from './backend.ts';

/** Where runs of elements lie: the first element, and elements from one run's first to the next run's. */
export interface Runs {
  readonly start: number;
  readonly step: number;
}

/** An array seen as [outer, size, inner], whose rows are picked along `size`. */
export interface RowLayout {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/**
 * A matrix whose rows each have one run of entries that are not 0: output i = Σ weights[offsets[i] + k] · input[starts[i] + k],
 * for k from 0 to offsets[i + 1] − offsets[i].
 */
export interface Bands {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs]. */
  readonly starts: Int32Array;
  /** [outputs + 1]. */
  readonly offsets: Int32Array;
  readonly weights: FloatArray;
}

export interface MovementKernels {
  /** Copies `count` runs of `length` elements; what of `out` lies between them stays as it is. */
  copyRuns(x: FloatArray, from: Runs, out: FloatArray, to: Runs, count: number, length: number): void;

  /** out[o, i, …] = x[o, indices[i], …]. */
  selectRows(x: FloatArray, indices: Int32Array, out: FloatArray, layout: RowLayout): void;
  /** dx[o, k, …] = Σ g[o, i, …] over all i with indices[i] = k. */
  selectRowsBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, layout: RowLayout): void;

  /** out[i] = pixels[i] / 255 in float32: one correctly rounded division, as PyTorch's `.float() / 255`. */
  scalePixels(pixels: Uint8Array, out: FloatArray): void;

  /** out[plane] = rows · x[plane] · columnsᵀ. The gradient is the same with transposed bands. */
  resample2d(x: FloatArray, out: FloatArray, planes: number, rows: Bands, columns: Bands): void;
}
