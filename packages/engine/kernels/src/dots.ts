// A · Bᵀ for row-major operands: dot products of rows, 4 × 2 at a time. Each dot product keeps four sums, one of every fourth term, and
// adds them in pairs at the end. So its bits do not depend on how many dot products are computed together.
import { madd } from './madd';
import { loadTail } from './memory';

/** The number of terms that are summed before they are added to the result. The rows of a tile then stay in the first-level cache. */
const DEPTH = 512;

/** Returns the sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function laneSums(v0: v128, v1: v128, v2: v128, v3: v128): v128 {
  const a = f32x4.add(v128.shuffle<f32>(v0, v1, 0, 4, 1, 5), v128.shuffle<f32>(v0, v1, 2, 6, 3, 7));
  const b = f32x4.add(v128.shuffle<f32>(v2, v3, 0, 4, 1, 5), v128.shuffle<f32>(v2, v3, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function addTo(address: usize, lanes: v128): void {
  v128.store(address, f32x4.add(v128.load(address), lanes));
}

// @ts-ignore: decorator
@inline
function addLane(address: usize, value: f32): void {
  store<f32>(address, load<f32>(address) + value);
}

/** The rows and columns of a unit. For one block of k, its rows of B (32 KB) and of A (64 KB) stay in the second-level cache. */
const UNIT_ROWS = 32;
const UNIT_COLUMNS = 16;

export function dotUnits(m: i32, n: i32): i32 {
  return ((m + UNIT_ROWS - 1) / UNIT_ROWS) * ((n + UNIT_COLUMNS - 1) / UNIT_COLUMNS);
}

/** Computes out[m × n] = A[m × k] · B[n × k]ᵀ + bias[n]. A `bias` of 0 means no bias. Units: see dotUnits. */
export function dots(a: usize, b: usize, bias: usize, out: usize, m: i32, n: i32, k: i32, from: i32, to: i32): void {
  const across = (n + UNIT_COLUMNS - 1) / UNIT_COLUMNS;
  for (let unit = from; unit < to; unit++) {
    const row = (unit / across) * UNIT_ROWS;
    const column = (unit % across) * UNIT_COLUMNS;
    dotsOf(
      a + (<usize>(row * k) << 2),
      b + (<usize>(column * k) << 2),
      bias == 0 ? 0 : bias + (<usize>column << 2),
      out + (<usize>(row * n + column) << 2),
      min(m - row, UNIT_ROWS),
      min(n - column, UNIT_COLUMNS),
      k,
      <usize>n << 2,
    );
  }
}

function dotsOf(a: usize, b: usize, bias: usize, out: usize, m: i32, n: i32, k: i32, outStep: usize): void {
  for (let i = 0; i < m; i++) {
    if (bias == 0) memory.fill(out + <usize>i * outStep, 0, <usize>n << 2);
    else memory.copy(out + <usize>i * outStep, bias, <usize>n << 2);
  }
  const step = <usize>k << 2;
  for (; k > 0; k -= DEPTH) {
    const terms = min(k, DEPTH);
    let i = 0;
    for (; i + 4 <= m; i += 4) fourRows(a + <usize>i * step, b, step, out + <usize>i * outStep, outStep, n, terms);
    for (; i < m; i++) oneRow(a + <usize>i * step, b, step, out + <usize>i * outStep, n, terms);
    a += DEPTH << 2;
    b += DEPTH << 2;
  }
}

/** Multiplies four rows of A with all rows of B, two at a time. */
function fourRows(a: usize, b: usize, step: usize, out: usize, outStep: usize, n: i32, k: i32): void {
  const tail = k & 3;
  const whole = <usize>(k - tail) << 2;
  let j = 0;
  for (; j < n; j += 2) {
    let a0 = a;
    let a1 = a + step;
    let a2 = a + 2 * step;
    let a3 = a + 3 * step;
    let b0 = b;
    // If the number of rows is odd, the last row is computed twice and stored once.
    const isPair = j + 1 < n;
    let b1 = isPair ? b + step : b;
    let s00 = f32x4.splat(0);
    let s01 = f32x4.splat(0);
    let s10 = f32x4.splat(0);
    let s11 = f32x4.splat(0);
    let s20 = f32x4.splat(0);
    let s21 = f32x4.splat(0);
    let s30 = f32x4.splat(0);
    let s31 = f32x4.splat(0);
    for (const end = a + whole; a0 < end; a0 += 16) {
      const y0 = v128.load(b0);
      const y1 = v128.load(b1);
      const x0 = v128.load(a0);
      s00 = madd(s00, x0, y0);
      s01 = madd(s01, x0, y1);
      const x1 = v128.load(a1);
      s10 = madd(s10, x1, y0);
      s11 = madd(s11, x1, y1);
      const x2 = v128.load(a2);
      s20 = madd(s20, x2, y0);
      s21 = madd(s21, x2, y1);
      const x3 = v128.load(a3);
      s30 = madd(s30, x3, y0);
      s31 = madd(s31, x3, y1);
      a1 += 16;
      a2 += 16;
      a3 += 16;
      b0 += 16;
      b1 += 16;
    }
    if (tail > 0) {
      const y0 = loadTail(b0, tail);
      const y1 = loadTail(b1, tail);
      const x0 = loadTail(a0, tail);
      s00 = madd(s00, x0, y0);
      s01 = madd(s01, x0, y1);
      const x1 = loadTail(a1, tail);
      s10 = madd(s10, x1, y0);
      s11 = madd(s11, x1, y1);
      const x2 = loadTail(a2, tail);
      s20 = madd(s20, x2, y0);
      s21 = madd(s21, x2, y1);
      const x3 = loadTail(a3, tail);
      s30 = madd(s30, x3, y0);
      s31 = madd(s31, x3, y1);
    }
    const first = laneSums(s00, s10, s20, s30);
    const second = laneSums(s01, s11, s21, s31);
    addLane(out, f32x4.extract_lane(first, 0));
    addLane(out + outStep, f32x4.extract_lane(first, 1));
    addLane(out + 2 * outStep, f32x4.extract_lane(first, 2));
    addLane(out + 3 * outStep, f32x4.extract_lane(first, 3));
    if (isPair) {
      addLane(out + 4, f32x4.extract_lane(second, 0));
      addLane(out + outStep + 4, f32x4.extract_lane(second, 1));
      addLane(out + 2 * outStep + 4, f32x4.extract_lane(second, 2));
      addLane(out + 3 * outStep + 4, f32x4.extract_lane(second, 3));
    }
    out += 8;
    b += 2 * step;
  }
}

/** Multiplies one row of A with all rows of B, four at a time. */
function oneRow(a: usize, b: usize, step: usize, out: usize, n: i32, k: i32): void {
  const tail = k & 3;
  const end = a + (<usize>(k - tail) << 2);
  for (; n > 0; n -= 4) {
    let x = a;
    let b0 = b;
    // If fewer than four rows of B are left, the last row is read again, and the repeated results are not stored.
    let b1 = n > 1 ? b0 + step : b0;
    let b2 = n > 2 ? b1 + step : b1;
    let b3 = n > 3 ? b2 + step : b2;
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (; x < end; x += 16) {
      const left = v128.load(x);
      s0 = madd(s0, left, v128.load(b0));
      s1 = madd(s1, left, v128.load(b1));
      s2 = madd(s2, left, v128.load(b2));
      s3 = madd(s3, left, v128.load(b3));
      b0 += 16;
      b1 += 16;
      b2 += 16;
      b3 += 16;
    }
    if (tail > 0) {
      const left = loadTail(x, tail);
      s0 = madd(s0, left, loadTail(b0, tail));
      s1 = madd(s1, left, loadTail(b1, tail));
      s2 = madd(s2, left, loadTail(b2, tail));
      s3 = madd(s3, left, loadTail(b3, tail));
    }
    const sums = laneSums(s0, s1, s2, s3);
    if (n >= 4) {
      addTo(out, sums);
    } else {
      addLane(out, f32x4.extract_lane(sums, 0));
      if (n > 1) addLane(out + 4, f32x4.extract_lane(sums, 1));
      if (n > 2) addLane(out + 8, f32x4.extract_lane(sums, 2));
    }
    out += 16;
    b += 4 * step;
  }
}
