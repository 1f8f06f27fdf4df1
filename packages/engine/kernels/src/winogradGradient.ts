// Transforms tiles of the results' gradient, from NCHW planes (of results or of pooled results) to frequencies with four channels per
// vector.
import { inside, loadInside } from './winogradBorders';
import { zeroRow } from './winogradInput';
import { WinogradPlan } from './winogradPlan';
import { gradientsToFrequencies } from './winogradTransforms';

/** Returns g where relu's result `passed` is above 0 or NaN, and 0 elsewhere. */
// @ts-ignore: decorator
@inline
function gated(g: v128, passed: v128): v128 {
  return v128.andnot(g, f32x4.le(passed, f32x4.splat(0)));
}

/**
 * Loads four elements of the results' gradient. If `isGated`, an element becomes 0 where relu's result is 0; relu's result is `gate` bytes
 * after the gradient.
 */
// @ts-ignore: decorator
@inline
function loadFour(isMasked: bool, isGated: bool, at: usize, gate: usize, mask: v128, end: usize): v128 {
  const g = isMasked ? loadInside(at, mask, end) : v128.load(at);
  if (!isGated) return g;
  return gated(g, isMasked ? loadInside(at + gate, mask, end + gate) : v128.load(at + gate));
}

/**
 * First half of Winograd's transform of a tile of the results' gradient: transforms one row (elements 0 to 3) of four channels.
 * @returns for each channel, the sum of the row
 */
// @ts-ignore: decorator
@inline
function gradientRow(
  isMasked: bool,
  isGated: bool,
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  gate: usize,
  mask: v128,
  end: usize,
  to: usize,
): v128 {
  const a = loadFour(isMasked, isGated, p0, gate, mask, end);
  const b = loadFour(isMasked, isGated, p1, gate, mask, end);
  const c = loadFour(isMasked, isGated, p2, gate, mask, end);
  const d = loadFour(isMasked, isGated, p3, gate, mask, end);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const y0 = v128.shuffle<f64>(lowAB, lowCD, 0, 2);
  const y1 = v128.shuffle<f64>(lowAB, lowCD, 1, 3);
  const y2 = v128.shuffle<f64>(highAB, highCD, 0, 2);
  const y3 = v128.shuffle<f64>(highAB, highCD, 1, 3);
  gradientsToFrequencies(y0, y1, y2, y3, to, 16);
  return f32x4.add(f32x4.add(y0, y1), f32x4.add(y2, y3));
}

/**
 * Second half of Winograd's transform of a tile of the results' gradient: transforms its columns, for four channels. The rows must already
 * be transformed. Only the channels in `lanes` are kept; the other channels become 0.
 */
// @ts-ignore: decorator
@inline
function gradientColumns(between: usize, lanes: v128, to: usize, step: usize): void {
  for (let j: usize = 0; j < 6; j++) {
    const at = between + (j << 4);
    gradientsToFrequencies(
      v128.and(v128.load(at), lanes),
      v128.and(v128.load(at, 96), lanes),
      v128.and(v128.load(at, 192), lanes),
      v128.and(v128.load(at, 288), lanes),
      to + j * step,
      6 * step,
    );
  }
}

/**
 * Transforms all planes of one tile of the results' gradient g. If the last four channels are not complete, the missing lanes become 0. If
 * `gate` is not 0, relu's result is `gate` bytes after g, and g counts as 0 where relu's result is 0. Adds the tile's elements to `sums`.
 */
export function gradientTile(
  plan: WinogradPlan,
  g: usize,
  gate: usize,
  row: i32,
  column: i32,
  end: usize,
  to: usize,
  sums: usize,
  between: usize,
): void {
  const plane = <usize>(plan.outHeight * plan.outWidth) << 2;
  const mask = inside(column, plan.outWidth);
  const isMasked = column + 4 > plan.outWidth;
  const line = <usize>plan.outWidth << 2;
  const rows = min(4, plan.outHeight - row);
  for (let channel = 0; channel < 8 * plan.strips; channel += 4) {
    const last = max(0, plan.results - channel - 1);
    let p0 = g + <usize>min(channel, plan.results - 1) * plane + (<usize>(row * plan.outWidth + column) << 2);
    let p1 = p0 + <usize>min(1, last) * plane;
    let p2 = p0 + <usize>min(2, last) * plane;
    let p3 = p0 + <usize>min(3, last) * plane;
    let total = f32x4.splat(0);
    for (let i = 0; i < 4; i++) {
      const at = between + <usize>i * 96;
      if (i >= rows) zeroRow(at);
      else {
        const sum = isMasked
          ? gate != 0
            ? gradientRow(true, true, p0, p1, p2, p3, gate, mask, end, at)
            : gradientRow(true, false, p0, p1, p2, p3, gate, mask, end, at)
          : gate != 0
            ? gradientRow(false, true, p0, p1, p2, p3, gate, mask, end, at)
            : gradientRow(false, false, p0, p1, p2, p3, gate, mask, end, at);
        total = f32x4.add(total, sum);
      }
      p0 += line;
      p1 += line;
      p2 += line;
      p3 += line;
    }
    v128.store(sums, f32x4.add(v128.load(sums), total));
    gradientColumns(between, inside(channel, plan.results), to, plan.resultStep);
    to += 16;
    sums += 16;
  }
}

/** Loads two neighbouring elements, or one if `both` is false. */
// @ts-ignore: decorator
@inline
function loadPair(at: usize, both: bool): v128 {
  return both ? v128.load64_zero(at) : v128.load32_zero(at);
}

/**
 * Does the same as gradientTile for the gradient of 2 × 2 pooling: each element of g goes to the position of its window's maximum. relu's
 * result is `gate` bytes after g, and the positions are `positions` bytes after g.
 */
export function pooledGradientTile(
  plan: WinogradPlan,
  g: usize,
  gate: usize,
  positions: usize,
  row: i32,
  column: i32,
  to: usize,
  sums: usize,
  between: usize,
): void {
  const width = plan.outWidth;
  const pooledWidth = width >> 1;
  const plane = <usize>((plan.outHeight >> 1) * pooledWidth) << 2;
  const rows = min(2, (plan.outHeight - row) >> 1);
  const columns = (width - column) >> 1;
  const both = columns > 1;
  for (let channel = 0; channel < 8 * plan.strips; channel += 4) {
    const last = max(0, plan.results - channel - 1);
    let p0 = g + <usize>min(channel, plan.results - 1) * plane + (<usize>((row >> 1) * pooledWidth + (column >> 1)) << 2);
    let p1 = p0 + <usize>min(1, last) * plane;
    let p2 = p0 + <usize>min(2, last) * plane;
    let p3 = p0 + <usize>min(3, last) * plane;
    let total = f32x4.splat(0);
    for (let i = 0; i < 2; i++) {
      const at = between + <usize>i * 192;
      if (i >= rows || columns == 0) {
        zeroRow(at);
        zeroRow(at + 96);
        continue;
      }
      const low = v128.shuffle<f32>(
        gated(loadPair(p0, both), loadPair(p0 + gate, both)),
        gated(loadPair(p1, both), loadPair(p1 + gate, both)),
        0,
        4,
        1,
        5,
      );
      const high = v128.shuffle<f32>(
        gated(loadPair(p2, both), loadPair(p2 + gate, both)),
        gated(loadPair(p3, both), loadPair(p3 + gate, both)),
        0,
        4,
        1,
        5,
      );
      const left = v128.shuffle<f64>(low, high, 0, 2);
      const right = v128.shuffle<f64>(low, high, 1, 3);
      const lowAt = v128.shuffle<f32>(loadPair(p0 + positions, both), loadPair(p1 + positions, both), 0, 4, 1, 5);
      const highAt = v128.shuffle<f32>(loadPair(p2 + positions, both), loadPair(p3 + positions, both), 0, 4, 1, 5);
      // The offsets of the maxima from the first element of the tile's two rows.
      const corner = i32x4.splat((row + 2 * i) * width + column);
      const leftAt = i32x4.sub(v128.shuffle<f64>(lowAt, highAt, 0, 2), corner);
      const rightAt = i32x4.sub(v128.shuffle<f64>(lowAt, highAt, 1, 3), corner);
      gradientsToFrequencies(
        v128.and(left, i32x4.eq(leftAt, i32x4.splat(0))),
        v128.and(left, i32x4.eq(leftAt, i32x4.splat(1))),
        v128.and(right, i32x4.eq(rightAt, i32x4.splat(2))),
        v128.and(right, i32x4.eq(rightAt, i32x4.splat(3))),
        at,
        16,
      );
      gradientsToFrequencies(
        v128.and(left, i32x4.eq(leftAt, i32x4.splat(width))),
        v128.and(left, i32x4.eq(leftAt, i32x4.splat(width + 1))),
        v128.and(right, i32x4.eq(rightAt, i32x4.splat(width + 2))),
        v128.and(right, i32x4.eq(rightAt, i32x4.splat(width + 3))),
        at + 96,
        16,
      );
      total = f32x4.add(total, f32x4.add(left, right));
      const line = <usize>pooledWidth << 2;
      p0 += line;
      p1 += line;
      p2 += line;
      p3 += line;
    }
    v128.store(sums, f32x4.add(v128.load(sums), total));
    gradientColumns(between, inside(channel, plan.results), to, plan.resultStep);
    to += 16;
    sums += 16;
  }
}
