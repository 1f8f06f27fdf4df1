// Kernels that copy runs of elements: parts of an array into another array, and rows that are selected by an index.
import { fill } from './elementwise';

// @ts-ignore: decorator
@inline
function copyRun(x: usize, out: usize, n: i32): void {
  if (n >= 16) {
    memory.copy(out, x, <usize>n << 2);
    return;
  }
  for (; n > 0; n--) {
    store<f32>(out, load<f32>(x));
    x += 4;
    out += 4;
  }
}

/**
 * Copies runs of n elements. The first elements of neighbouring runs are `step` elements apart in x and `outStep` elements apart in out.
 * Units are runs.
 */
export function copyRuns(x: usize, step: i32, out: usize, outStep: i32, n: i32, from: i32, to: i32): void {
  x += <usize>(from * step) << 2;
  out += <usize>(from * outStep) << 2;
  for (let run = from; run < to; run++) {
    copyRun(x, out, n);
    x += <usize>step << 2;
    out += <usize>outStep << 2;
  }
}

/** Computes out[o, i, …] = x[o, indices[i], …] for x of the shape [outer, size, inner]. Units are rows of the result. */
export function selectRows(x: usize, indices: usize, out: usize, size: i32, inner: i32, count: i32, from: i32, to: i32): void {
  const row = <usize>inner << 2;
  for (let unit = from; unit < to; unit++) {
    const o = unit / count;
    const index = load<i32>(indices + (<usize>(unit - o * count) << 2));
    copyRun(x + <usize>(o * size + index) * row, out + <usize>unit * row, inner);
  }
}

/** The number of elements of a row that a unit of the gradient sums. With fewer, runs would be too short for the processor to prefetch. */
const COLUMNS = 256;

export function selectRowsBackwardUnits(outer: i32, inner: i32): i32 {
  return outer * ((inner + COLUMNS - 1) / COLUMNS);
}

/**
 * Computes dx[o, k, …], the sum of g[o, i, …] over all i with indices[i] = k, in the order of i. A unit is one index o and up to 256
 * neighbouring elements of its rows.
 */
export function selectRowsBackward(g: usize, indices: usize, dx: usize, size: i32, inner: i32, count: i32, from: i32, to: i32): void {
  const row = <usize>inner << 2;
  const strips = (inner + COLUMNS - 1) / COLUMNS;
  for (let unit = from; unit < to; unit++) {
    const o = unit / strips;
    const column = (unit - o * strips) * COLUMNS;
    const n = min(inner - column, COLUMNS);
    const sums = dx + <usize>(o * size) * row + (<usize>column << 2);
    let x = g + <usize>(o * count) * row + (<usize>column << 2);
    if (n == inner) fill(sums, size * inner, 0);
    else for (let k = 0; k < size; k++) fill(sums + <usize>k * row, n, 0);
    for (let i = 0; i < count; i++) {
      addRun(x, sums + <usize>load<i32>(indices + (<usize>i << 2)) * row, n);
      x += row;
    }
  }
}

// @ts-ignore: decorator
@inline
function addRun(x: usize, to: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(x)));
    to += 16;
    x += 16;
  }
  for (; n > 0; n--) {
    store<f32>(to, load<f32>(to) + load<f32>(x));
    to += 4;
    x += 4;
  }
}
