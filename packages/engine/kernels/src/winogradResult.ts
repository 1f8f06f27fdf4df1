// Transforms tiles of results, from frequencies with four channels per vector to NCHW planes or, with pooling, to planes of the maxima of 2
// × 2 windows. At the borders, only the part of a tile inside the plane is written.
import { loadUpTo4, storeUpTo4 } from './memory';
import { largestOf, mayHaveNaN, stepToLargest } from './poolLanes';
import { WinogradPlan } from './winogradPlan';
import { result0, result1, result2, result3 } from './winogradTransforms';

/**
 * First half of Winograd's transform of a tile of results: transforms its columns, and stores four rows of six frequencies in `between`.
 */
// @ts-ignore: decorator
@inline
function resultColumns(from: usize, step: usize, between: usize): void {
  for (let j: usize = 0; j < 6; j++) {
    const at = from + j * step;
    const m1 = v128.load(at + 6 * step);
    const m2 = v128.load(at + 12 * step);
    const m3 = v128.load(at + 18 * step);
    const m4 = v128.load(at + 24 * step);
    const sum1 = f32x4.add(m1, m2);
    const sum2 = f32x4.add(m3, m4);
    const difference1 = f32x4.sub(m1, m2);
    const difference2 = f32x4.sub(m3, m4);
    const to = between + (j << 4);
    v128.store(to, result0(v128.load(at), sum1, sum2));
    v128.store(to, result1(difference1, difference2), 96);
    v128.store(to, result2(sum1, sum2), 192);
    v128.store(to, result3(v128.load(at + 30 * step), difference1, difference2), 288);
  }
}

/** Computes all planes of one tile of results from the matrix products, plus bias. A `bias` of 0 means no bias. `isRelu` applies relu. */
export function resultTile(
  plan: WinogradPlan,
  from: usize,
  bias: usize,
  isRelu: bool,
  out: usize,
  row: i32,
  column: i32,
  between: usize,
): void {
  const plane = <usize>(plan.outHeight * plan.outWidth) << 2;
  const line = <usize>plan.outWidth << 2;
  const rows = min(4, plan.outHeight - row);
  const columns = min(4, plan.outWidth - column);
  const zero = f32x4.splat(0);
  for (let channel = 0; channel < plan.results; channel += 4) {
    const planes = plan.results - channel;
    resultColumns(from, plan.resultStep, between);
    const shift = bias == 0 ? zero : loadUpTo4(bias + (<usize>channel << 2), planes);
    let to = out + <usize>channel * plane + (<usize>(row * plan.outWidth + column) << 2);
    for (let i = 0; i < rows; i++) {
      const at = between + <usize>i * 96;
      const sum1 = f32x4.add(v128.load(at, 16), v128.load(at, 32));
      const sum2 = f32x4.add(v128.load(at, 48), v128.load(at, 64));
      const difference1 = f32x4.sub(v128.load(at, 16), v128.load(at, 32));
      const difference2 = f32x4.sub(v128.load(at, 48), v128.load(at, 64));
      let a = f32x4.add(result0(v128.load(at), sum1, sum2), shift);
      let b = f32x4.add(result1(difference1, difference2), shift);
      let c = f32x4.add(result2(sum1, sum2), shift);
      let d = f32x4.add(result3(v128.load(at, 80), difference1, difference2), shift);
      if (isRelu) {
        a = f32x4.pmax(a, zero);
        b = f32x4.pmax(b, zero);
        c = f32x4.pmax(c, zero);
        d = f32x4.pmax(d, zero);
      }
      const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      storeUpTo4(to, v128.shuffle<f64>(lowAB, lowCD, 0, 2), columns);
      if (planes > 1) storeUpTo4(to + plane, v128.shuffle<f64>(lowAB, lowCD, 1, 3), columns);
      if (planes > 2) storeUpTo4(to + 2 * plane, v128.shuffle<f64>(highAB, highCD, 0, 2), columns);
      if (planes > 3) storeUpTo4(to + 3 * plane, v128.shuffle<f64>(highAB, highCD, 1, 3), columns);
      to += line;
    }
    from += 16;
  }
}

/** Stores two neighbouring elements of each of up to four planes. The second element is stored only if `both` is true. */
// @ts-ignore: decorator
@inline
function storePair(to: usize, plane: usize, planes: i32, first: v128, second: v128, both: bool): void {
  const low = v128.shuffle<f32>(first, second, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(first, second, 2, 6, 3, 7);
  if (both) {
    v128.store64_lane(to, low, 0);
    if (planes > 1) v128.store64_lane(to + plane, low, 1);
    if (planes > 2) v128.store64_lane(to + 2 * plane, high, 0);
    if (planes > 3) v128.store64_lane(to + 3 * plane, high, 1);
  } else {
    v128.store32_lane(to, low, 0);
    if (planes > 1) v128.store32_lane(to + plane, low, 2);
    if (planes > 2) v128.store32_lane(to + 2 * plane, high, 0);
    if (planes > 3) v128.store32_lane(to + 3 * plane, high, 2);
  }
}

/** Computes relu and max pooling of one tile. The maxima go to `out`, and their positions in the planes of results go to `indices`. */
export function pooledTile(
  plan: WinogradPlan,
  from: usize,
  bias: usize,
  out: usize,
  indices: usize,
  row: i32,
  column: i32,
  between: usize,
): void {
  const width = plan.outWidth;
  const pooledWidth = width >> 1;
  const plane = <usize>((plan.outHeight >> 1) * pooledWidth) << 2;
  const rows = min(2, (plan.outHeight - row) >> 1);
  const columns = (width - column) >> 1;
  if (columns == 0) return;
  const zero = f32x4.splat(0);
  for (let channel = 0; channel < plan.results; channel += 4) {
    const planes = plan.results - channel;
    resultColumns(from, plan.resultStep, between);
    const shift = bias == 0 ? zero : loadUpTo4(bias + (<usize>channel << 2), planes);
    let shifted = <usize>channel * plane + (<usize>((row >> 1) * pooledWidth + (column >> 1)) << 2);
    for (let i = 0; i < rows; i++) {
      const at = between + <usize>i * 192;
      const sum1 = f32x4.add(v128.load(at, 16), v128.load(at, 32));
      const sum2 = f32x4.add(v128.load(at, 48), v128.load(at, 64));
      const difference1 = f32x4.sub(v128.load(at, 16), v128.load(at, 32));
      const difference2 = f32x4.sub(v128.load(at, 48), v128.load(at, 64));
      const lowerSum1 = f32x4.add(v128.load(at, 112), v128.load(at, 128));
      const lowerSum2 = f32x4.add(v128.load(at, 144), v128.load(at, 160));
      const lowerDifference1 = f32x4.sub(v128.load(at, 112), v128.load(at, 128));
      const lowerDifference2 = f32x4.sub(v128.load(at, 144), v128.load(at, 160));
      const position = i32x4.splat((row + 2 * i) * width + column);
      const a0 = f32x4.add(result0(v128.load(at), sum1, sum2), shift);
      const b0 = f32x4.add(result1(difference1, difference2), shift);
      const c0 = f32x4.add(result0(v128.load(at, 96), lowerSum1, lowerSum2), shift);
      const d0 = f32x4.add(result1(lowerDifference1, lowerDifference2), shift);
      const withNaN0 = mayHaveNaN(a0, b0, c0, d0);
      const best0 = largestOf(withNaN0, a0, b0, c0, d0);
      const step0 = stepToLargest(withNaN0, best0, a0, b0, c0, d0, width);
      const a1 = f32x4.add(result2(sum1, sum2), shift);
      const b1 = f32x4.add(result3(v128.load(at, 80), difference1, difference2), shift);
      const c1 = f32x4.add(result2(lowerSum1, lowerSum2), shift);
      const d1 = f32x4.add(result3(v128.load(at, 176), lowerDifference1, lowerDifference2), shift);
      const withNaN1 = mayHaveNaN(a1, b1, c1, d1);
      const best1 = largestOf(withNaN1, a1, b1, c1, d1);
      const step1 = i32x4.add(stepToLargest(withNaN1, best1, a1, b1, c1, d1, width), i32x4.splat(2));
      storePair(out + shifted, plane, planes, f32x4.pmax(best0, zero), f32x4.pmax(best1, zero), columns > 1);
      storePair(indices + shifted, plane, planes, i32x4.add(position, step0), i32x4.add(position, step1), columns > 1);
      shifted += <usize>pooledWidth << 2;
    }
    from += 16;
  }
}
