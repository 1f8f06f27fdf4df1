// Log-softmax over the dimension `size` of [outer, size, inner]. The maximum is subtracted first, so that no exponential overflows. Units
// are the indices of `outer`.
import { exp4, logOf } from './exponential';
import { loadTail, loadUpTo4, storeTail, storeUpTo4 } from './memory';

// @ts-ignore: decorator
@inline
function lanesSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Returns the first `n` (1 to 3) lanes of `v` and the remaining lanes of `other`. */
// @ts-ignore: decorator
@inline
function mask(v: v128, other: v128, n: i32): v128 {
  return v128.bitselect(v, other, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(n)));
}

function rowLogSoftmax(x: usize, out: usize, size: i32): void {
  let max4 = f32x4.splat(-Infinity);
  let at = x;
  let n = size;
  for (; n >= 4; n -= 4) {
    max4 = f32x4.max(max4, v128.load(at));
    at += 16;
  }
  if (n > 0) max4 = f32x4.max(max4, mask(loadTail(at, n), max4, n));
  const low = max(f32x4.extract_lane(max4, 0), f32x4.extract_lane(max4, 1));
  const high = max(f32x4.extract_lane(max4, 2), f32x4.extract_lane(max4, 3));
  const largest = f32x4.splat(max(low, high));
  let sum4 = f32x4.splat(0);
  at = x;
  n = size;
  for (; n >= 4; n -= 4) {
    sum4 = f32x4.add(sum4, exp4(f32x4.sub(v128.load(at), largest)));
    at += 16;
  }
  if (n > 0) sum4 = f32x4.add(sum4, mask(exp4(f32x4.sub(loadTail(at, n), largest)), f32x4.splat(0), n));
  const logSum = f32x4.splat(logOf(lanesSum(sum4)));
  n = size;
  for (; n >= 4; n -= 4) {
    v128.store(out, f32x4.sub(f32x4.sub(v128.load(x), largest), logSum));
    x += 16;
    out += 16;
  }
  if (n > 0) storeTail(out, f32x4.sub(f32x4.sub(loadTail(x, n), largest), logSum), n);
}

/** Computes the log-softmax of the first `lanes` of four neighbouring lines at once. The elements of a line are `step` bytes apart. */
function linesLogSoftmax(x: usize, out: usize, size: i32, step: usize, lanes: i32): void {
  let largest = f32x4.splat(-Infinity);
  let at = x;
  for (let i = 0; i < size; i++) {
    largest = f32x4.max(largest, loadUpTo4(at, lanes));
    at += step;
  }
  let sum = f32x4.splat(0);
  at = x;
  for (let i = 0; i < size; i++) {
    sum = f32x4.add(sum, exp4(f32x4.sub(loadUpTo4(at, lanes), largest)));
    at += step;
  }
  let logSum = f32x4.splat(logOf(f32x4.extract_lane(sum, 0)));
  logSum = f32x4.replace_lane(logSum, 1, logOf(f32x4.extract_lane(sum, 1)));
  logSum = f32x4.replace_lane(logSum, 2, logOf(f32x4.extract_lane(sum, 2)));
  logSum = f32x4.replace_lane(logSum, 3, logOf(f32x4.extract_lane(sum, 3)));
  for (let i = 0; i < size; i++) {
    storeUpTo4(out, f32x4.sub(f32x4.sub(loadUpTo4(x, lanes), largest), logSum), lanes);
    x += step;
    out += step;
  }
}

/** Computes out = x - max - log(sum of exp(x - max)). */
export function logSoftmax(x: usize, out: usize, size: i32, inner: i32, from: i32, to: i32): void {
  const step = <usize>inner << 2;
  const plane = step * <usize>size;
  x += <usize>from * plane;
  out += <usize>from * plane;
  for (let o = from; o < to; o++) {
    if (inner == 1) {
      rowLogSoftmax(x, out, size);
    } else {
      for (let i = 0; i < inner; i += 4) linesLogSoftmax(x + (<usize>i << 2), out + (<usize>i << 2), size, step, min(inner - i, 4));
    }
    x += plane;
    out += plane;
  }
}

function rowBackward(g: usize, y: usize, dx: usize, size: i32): void {
  let sum4 = f32x4.splat(0);
  let at = g;
  let n = size;
  for (; n >= 4; n -= 4) {
    sum4 = f32x4.add(sum4, v128.load(at));
    at += 16;
  }
  if (n > 0) sum4 = f32x4.add(sum4, loadTail(at, n));
  const sum = f32x4.splat(lanesSum(sum4));
  n = size;
  for (; n >= 4; n -= 4) {
    v128.store(dx, f32x4.sub(v128.load(g), f32x4.mul(exp4(v128.load(y)), sum)));
    g += 16;
    y += 16;
    dx += 16;
  }
  if (n > 0) storeTail(dx, f32x4.sub(loadTail(g, n), f32x4.mul(exp4(loadTail(y, n)), sum)), n);
}

function linesBackward(g: usize, y: usize, dx: usize, size: i32, step: usize, lanes: i32): void {
  let sum = f32x4.splat(0);
  let at = g;
  for (let i = 0; i < size; i++) {
    sum = f32x4.add(sum, loadUpTo4(at, lanes));
    at += step;
  }
  for (let i = 0; i < size; i++) {
    storeUpTo4(dx, f32x4.sub(loadUpTo4(g, lanes), f32x4.mul(exp4(loadUpTo4(y, lanes)), sum)), lanes);
    g += step;
    y += step;
    dx += step;
  }
}

/** Computes dx = g - exp(y) * (sum of g over the line). */
export function logSoftmaxBackward(g: usize, y: usize, dx: usize, size: i32, inner: i32, from: i32, to: i32): void {
  const step = <usize>inner << 2;
  const plane = step * <usize>size;
  g += <usize>from * plane;
  y += <usize>from * plane;
  dx += <usize>from * plane;
  for (let o = from; o < to; o++) {
    if (inner == 1) {
      rowBackward(g, y, dx, size);
    } else {
      for (let i = 0; i < inner; i += 4) {
        const at = <usize>i << 2;
        linesBackward(g + at, y + at, dx + at, size, step, min(inner - i, 4));
      }
    }
    g += plane;
    y += plane;
    dx += plane;
  }
}
