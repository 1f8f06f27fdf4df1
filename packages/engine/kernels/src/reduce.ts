// Sums. All of them accumulate in float64, so that the order of the terms is lost in the last rounding and a sum of ten
// million floats is as good as one of ten; in an order that follows from the sizes.

/** Sum of `n` elements that lie together. */
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

/** Adds `rows` rows, `step` elements apart, of eight columns into eight float64 sums. */
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

/** The same for one column. */
function addColumn(x: usize, rows: i32, step: i32): f64 {
  const stride = <usize>step << 2;
  let total: f64 = 0;
  for (; rows > 0; rows--) {
    total += <f64>load<f32>(x);
    x += stride;
  }
  return total;
}

/**
 * The next offset of a walk through (size, step) records, innermost first and from record `from` on; -1 at its end, when
 * all counters are 0 again.
 */
// @ts-ignore: decorator
@inline
function advance(dims: usize, rank: i32, from: i32, offset: i32): i32 {
  const counters = dims + (<usize>rank << 3);
  for (let d = from; d < rank; d++) {
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

/**
 * out = x summed over some dimensions. `kept` and `reduced` list (size, step in x) records, innermost first, and have
 * room for as many counters behind; `reduced` has at least one. Results are written in the order of the kept records.
 * `sums`: room for eight float64 numbers.
 */
export function sumTo(x: usize, out: usize, kept: usize, keptRank: i32, reduced: usize, reducedRank: i32, sums: usize): void {
  for (let d = 0; d < keptRank; d++) store<i32>(kept + (<usize>keptRank << 3) + (<usize>d << 2), 0);
  for (let d = 0; d < reducedRank; d++) store<i32>(reduced + (<usize>reducedRank << 3) + (<usize>d << 2), 0);
  // The innermost reduced dimension is summed by one loop, the others by counters.
  const rows = load<i32>(reduced);
  const rowStep = load<i32>(reduced, 4);
  // A kept dimension whose elements lie together is taken eight columns at a time.
  const strips = keptRank > 0 && load<i32>(kept, 4) == 1;
  const columns = strips ? load<i32>(kept) : 1;
  const outerKept = strips ? 1 : 0;
  let base = 0;
  while (base >= 0) {
    let column = 0;
    for (; column + 8 <= columns; column += 8) {
      for (let i = 0; i < 64; i += 16) v128.store(sums + i, f64x2.splat(0));
      let offset = 0;
      while (offset >= 0) {
        addRows(x + (<usize>(base + column + offset) << 2), rows, rowStep, sums);
        offset = advance(reduced, reducedRank, 1, offset);
      }
      for (let i = 0; i < 8; i++) store<f32>(out + (<usize>i << 2), <f32>load<f64>(sums + (<usize>i << 3)));
      out += 32;
    }
    for (; column < columns; column++) {
      let total: f64 = 0;
      let offset = 0;
      while (offset >= 0) {
        const from = x + (<usize>(base + column + offset) << 2);
        total += rowStep == 1 ? sumRun(from, rows) : addColumn(from, rows, rowStep);
        offset = advance(reduced, reducedRank, 1, offset);
      }
      store<f32>(out, <f32>total);
      out += 4;
    }
    base = advance(kept, keptRank, outerKept, base);
  }
}

/** Sum of the squares of `n` elements, in float64. */
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
