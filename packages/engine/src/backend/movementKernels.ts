// The part of the contract that moves and mixes elements by position: copies of runs, rows selected by an index, pixels as numbers, and
// planes that are mapped linearly along their sides (average pooling and resizing).
import type { FloatArray } from './types.ts';

/**
 * Where the runs (sequences of neighbouring elements) of an array are. `start` is the index of the first run's first element. `step` is the
 * distance from the first element of a run to the first element of the next run.
 */
export interface Runs {
  readonly start: number;
  readonly step: number;
}

/** An array of the shape [outer, size, inner]. Rows are selected along the dimension `size`. */
export interface RowLayout {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/**
 * A matrix whose rows each have their non-zero entries in neighbouring columns. Output i is Σ weights[offsets[i] + k] · input[starts[i] +
 * k] for 0 ≤ k < offsets[i + 1] − offsets[i].
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
  /** Copies `count` runs of `length` elements. The elements of `out` between the runs do not change. */
  copyRuns(x: FloatArray, from: Runs, out: FloatArray, to: Runs, count: number, length: number): void;

  /** Computes out[o, i, …] = x[o, indices[i], …]. */
  selectRows(x: FloatArray, indices: Int32Array, out: FloatArray, layout: RowLayout): void;
  /** Computes dx[o, k, …] = Σ g[o, i, …] over all i with indices[i] = k. */
  selectRowsBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, layout: RowLayout): void;

  /** Computes out[i] = pixels[i] / 255 in float32 with one correctly rounded division, as PyTorch's `.float() / 255` does. */
  scalePixels(pixels: Uint8Array, out: FloatArray): void;

  /** Computes out[p] = rows · x[p] · columnsᵀ for each plane p. The same kernel with transposed bands computes the gradient. */
  resample2d(x: FloatArray, out: FloatArray, planes: number, rows: Bands, columns: Bands): void;
}
