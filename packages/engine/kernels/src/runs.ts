// Kernels that move runs of elements: parts of an array into another, and rows picked by an index.
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

/** Copies runs of n elements; the next run starts `step` (of x) and `outStep` (of out) elements after the one before. Units are runs. */
export function copyRuns(x: usize, step: i32, out: usize, outStep: i32, n: i32, from: i32, to: i32): void {
  x += <usize>(from * step) << 2;
  out += <usize>(from * outStep) << 2;
  for (let run = from; run < to; run++) {
    copyRun(x, out, n);
    x += <usize>step << 2;
    out += <usize>outStep << 2;
  }
}

/** out[o, i, …] = x[o, indices[i], …] for x seen as [outer, size, inner]. */
export function selectRows(x: usize, indices: usize, out: usize, outer: i32, size: i32, inner: i32, count: i32): void {
  const row = <usize>inner << 2;
  for (; outer > 0; outer--) {
    for (let i = 0; i < count; i++) {
      copyRun(x + <usize>load<i32>(indices + (<usize>i << 2)) * row, out, inner);
      out += row;
    }
    x += <usize>size * row;
  }
}

/** dx[o, k, …] = the sum of g[o, i, …] over all i with indices[i] = k, in their order. */
export function selectRowsBackward(g: usize, indices: usize, dx: usize, outer: i32, size: i32, inner: i32, count: i32): void {
  const row = <usize>inner << 2;
  fill(dx, outer * size * inner, 0);
  for (; outer > 0; outer--) {
    for (let i = 0; i < count; i++) {
      let to = dx + <usize>load<i32>(indices + (<usize>i << 2)) * row;
      let n = inner;
      for (; n >= 4; n -= 4) {
        v128.store(to, f32x4.add(v128.load(to), v128.load(g)));
        to += 16;
        g += 16;
      }
      for (; n > 0; n--) {
        store<f32>(to, load<f32>(to) + load<f32>(g));
        to += 4;
        g += 4;
      }
    }
    dx += <usize>size * row;
  }
}
