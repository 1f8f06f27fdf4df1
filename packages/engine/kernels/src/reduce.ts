// Sums. All of them are computed in float64, so that the order of the terms hardly affects the rounded result, and a sum of ten million
// floats is as accurate as a sum of ten. The order depends only on sizes.
import { ownScratch } from './memory';

/** Returns the sum of `n` contiguous elements. */
function sumRun(x: usize, n: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  let s2 = f64x2.splat(0);
  let s3 = f64x2.splat(0);
  for (; n >= 8; n -= 8) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    s0 = f64x2.add(s0, f64x2.promote_low_f32x4(a));
    s1 = f64x2.add(s1, f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3)));
    s2 = f64x2.add(s2, f64x2.promote_low_f32x4(b));
    s3 = f64x2.add(s3, f64x2.promote_low_f32x4(v128.shuffle<f32>(b, b, 2, 3, 2, 3)));
    x += 32;
  }
  const sum = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3));
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; n > 0; n--) {
    total += <f64>load<f32>(x);
    x += 4;
  }
  return total;
}

/** Adds `rows` rows of eight columns to eight float64 sums. The rows are `step` elements apart. */
function addRows(x: usize, rows: i32, step: i32, sums: usize): void {
  let s0 = v128.load(sums);
  let s1 = v128.load(sums, 16);
  let s2 = v128.load(sums, 32);
  let s3 = v128.load(sums, 48);
  const stride = <usize>step << 2;
  for (; rows > 0; rows--) {
    const a = v128.load(x);
    const b = v128.load(x, 16);
    s0 = f64x2.add(s0, f64x2.promote_low_f32x4(a));
    s1 = f64x2.add(s1, f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3)));
    s2 = f64x2.add(s2, f64x2.promote_low_f32x4(b));
    s3 = f64x2.add(s3, f64x2.promote_low_f32x4(v128.shuffle<f32>(b, b, 2, 3, 2, 3)));
    x += stride;
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
}

/** Returns the sum of `rows` elements of one column. They are `step` elements apart. */
function addColumn(x: usize, rows: i32, step: i32): f64 {
  const stride = <usize>step << 2;
  let total: f64 = 0;
  for (; rows > 0; rows--) {
    total += <f64>load<f32>(x);
    x += stride;
  }
  return total;
}

/** Returns the offset of the row with number `row`. The dimensions are the (size, step) records from `first` on, innermost first. */
// @ts-ignore: decorator
@inline
function offsetOf(dims: usize, rank: i32, first: i32, row: i32): i32 {
  let offset = 0;
  for (let d = first; d < rank; d++) {
    const size = load<i32>(dims + (<usize>d << 3));
    offset += (row % size) * load<i32>(dims + (<usize>d << 3), 4);
    row /= size;
  }
  return offset;
}

/**
 * Goes to the next combination of indices of the (size, step) records from the second one on, innermost first. Returns the offset there, or
 * -1 at the end, when all counters are 0 again.
 */
// @ts-ignore: decorator
@inline
function advance(dims: usize, counters: usize, rank: i32, offset: i32): i32 {
  for (let d = 1; d < rank; d++) {
    const record = dims + (<usize>d << 3);
    const counter = counters + (<usize>d << 2);
    const count = load<i32>(counter) + 1;
    offset += load<i32>(record, 4);
    if (count < load<i32>(record)) {
      store<i32>(counter, count);
      return offset;
    }
    store<i32>(counter, 0);
    offset -= load<i32>(record, 4) * count;
  }
  return -1;
}

/** The number of columns that are summed together if the elements of the innermost kept dimension are contiguous. */
const STRIP = 8;

/** Returns whether the elements of the innermost kept dimension are contiguous. */
// @ts-ignore: decorator
@inline
function hasStrips(kept: usize, keptRank: i32): bool {
  return keptRank > 0 && load<i32>(kept, 4) == 1;
}

/** Returns the number of units of `sumTo`. A unit is a strip of eight results that are contiguous in x, or a single result. */
export function sumToUnits(kept: usize, keptRank: i32): i32 {
  const strips = hasStrips(kept, keptRank);
  let units = strips ? (load<i32>(kept) + STRIP - 1) / STRIP : 1;
  for (let d = strips ? 1 : 0; d < keptRank; d++) units *= load<i32>(kept + (<usize>d << 3));
  return units;
}

/** Returns the bytes of scratch memory that each thread needs for `sumTo`: eight float64 sums, and a counter for each summed dimension. */
export function sumToScratch(reducedRank: i32): usize {
  return 64 + (<usize>reducedRank << 2);
}

/**
 * Computes out = x summed over some dimensions. `kept` and `reduced` list (size, step in x) records, innermost first. `reduced` has at
 * least one record. Results are written in the order of the kept records. Units: see sumToUnits.
 */
export function sumTo(
  x: usize,
  out: usize,
  kept: usize,
  keptRank: i32,
  reduced: usize,
  reducedRank: i32,
  scratch: usize,
  from: i32,
  to: i32,
): void {
  const sums = ownScratch(scratch, sumToScratch(reducedRank));
  const counters = sums + 64;
  for (let d = 0; d < reducedRank; d++) store<i32>(counters + (<usize>d << 2), 0);
  // The innermost reduced dimension is summed by a loop. The other dimensions are walked through with counters.
  const rows = load<i32>(reduced);
  const rowStep = load<i32>(reduced, 4);
  const strips = hasStrips(kept, keptRank);
  const columns = strips ? load<i32>(kept) : 1;
  const perRow = strips ? (columns + STRIP - 1) / STRIP : 1;
  for (let unit = from; unit < to; unit++) {
    const row = unit / perRow;
    let column = (unit - row * perRow) * STRIP;
    const end = min(columns, column + STRIP);
    const base = x + (<usize>(offsetOf(kept, keptRank, strips ? 1 : 0, row)) << 2);
    let result = out + (<usize>(row * columns + column) << 2);
    if (end - column == STRIP) {
      for (let i = 0; i < 64; i += 16) v128.store(sums + i, f64x2.splat(0));
      let offset = 0;
      while (offset >= 0) {
        addRows(base + (<usize>(column + offset) << 2), rows, rowStep, sums);
        offset = advance(reduced, counters, reducedRank, offset);
      }
      for (let i = 0; i < STRIP; i++) store<f32>(result + (<usize>i << 2), <f32>load<f64>(sums + (<usize>i << 3)));
      continue;
    }
    for (; column < end; column++) {
      let total: f64 = 0;
      let offset = 0;
      while (offset >= 0) {
        const first = base + (<usize>(column + offset) << 2);
        total += rowStep == 1 ? sumRun(first, rows) : addColumn(first, rows, rowStep);
        offset = advance(reduced, counters, reducedRank, offset);
      }
      store<f32>(result, <f32>total);
      result += 4;
    }
  }
}

/** Returns the sum of the squares of `n` elements, in float64. */
export function sumOfSquares(x: usize, n: i32): f64 {
  let s0 = f64x2.splat(0);
  let s1 = f64x2.splat(0);
  for (; n >= 4; n -= 4) {
    const a = v128.load(x);
    const low = f64x2.promote_low_f32x4(a);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(a, a, 2, 3, 2, 3));
    s0 = f64x2.add(s0, f64x2.mul(low, low));
    s1 = f64x2.add(s1, f64x2.mul(high, high));
    x += 16;
  }
  const sum = f64x2.add(s0, s1);
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  for (; n > 0; n--) {
    const value = <f64>load<f32>(x);
    total += value * value;
    x += 4;
  }
  return total;
}
