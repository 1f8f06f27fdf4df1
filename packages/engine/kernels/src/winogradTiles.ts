// Tiles on their way in and out of Winograd's algorithm: from NCHW planes to frequencies with four channels a vector, and
// back. Tiles at the borders read zeros outside of the planes and write only what lies inside.
import { WinogradPlan } from './winogradPlan';
import { frequenciesToResults, gradientsToFrequencies, inputToFrequencies } from './winogradTransforms';
import { loadUpTo4, storeUpTo4 } from './memory';

/** Whether `column` + 0…3 lie in a plane of this width: all bits of their lanes. */
// @ts-ignore: decorator
@inline
function inside(column: i32, width: i32): v128 {
  return i32x4.lt_u(i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3)), i32x4.splat(width));
}

/** Four elements from `at` of which only those inside count; nothing behind `end` is read. */
// @ts-ignore: decorator
@inline
function loadInside(at: usize, mask: v128, end: usize): v128 {
  if (at + 16 <= end) return v128.and(v128.load(at), mask);
  let lanes = f32x4.splat(0);
  if (at + 4 <= end) lanes = v128.load32_zero(at);
  if (at + 8 <= end) lanes = f32x4.replace_lane(lanes, 1, load<f32>(at, 4));
  if (at + 12 <= end) lanes = f32x4.replace_lane(lanes, 2, load<f32>(at, 8));
  return v128.and(lanes, mask);
}

/** Four elements; if `gated`, 0 where what lies `gate` bytes further on, a rectifier's result, is 0. */
// @ts-ignore: decorator
@inline
function load4(masked: bool, gated: bool, at: usize, gate: usize, mask: v128, end: usize): v128 {
  const lanes = masked ? loadInside(at, mask, end) : v128.load(at);
  if (!gated) return lanes;
  const passed = masked ? loadInside(at + gate, mask, end + gate) : v128.load(at + gate);
  return v128.andnot(lanes, f32x4.le(passed, f32x4.splat(0)));
}

/** The same of two elements, in a tile that lies inside. */
// @ts-ignore: decorator
@inline
function load2(gated: bool, at: usize, gate: usize): v128 {
  const lanes = v128.load64_zero(at);
  return gated ? v128.andnot(lanes, f32x4.le(v128.load64_zero(at + gate), f32x4.splat(0))) : lanes;
}

/** One row of a tile of the input: elements 0…5 of four channels. */
// @ts-ignore: decorator
@inline
function inputRow(
  masked: bool,
  gated: bool,
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  gate: usize,
  mask: v128,
  lastMask: v128,
  end: usize,
  to: usize,
): void {
  const a = load4(masked, gated, p0, gate, mask, end);
  const b = load4(masked, gated, p1, gate, mask, end);
  const c = load4(masked, gated, p2, gate, mask, end);
  const d = load4(masked, gated, p3, gate, mask, end);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const a4 = masked ? load4(true, gated, p0 + 16, gate, lastMask, end) : load2(gated, p0 + 16, gate);
  const b4 = masked ? load4(true, gated, p1 + 16, gate, lastMask, end) : load2(gated, p1 + 16, gate);
  const c4 = masked ? load4(true, gated, p2 + 16, gate, lastMask, end) : load2(gated, p2 + 16, gate);
  const d4 = masked ? load4(true, gated, p3 + 16, gate, lastMask, end) : load2(gated, p3 + 16, gate);
  const lastAB = v128.shuffle<f32>(a4, b4, 0, 4, 1, 5);
  const lastCD = v128.shuffle<f32>(c4, d4, 0, 4, 1, 5);
  inputToFrequencies(
    v128.shuffle<f64>(lowAB, lowCD, 0, 2),
    v128.shuffle<f64>(lowAB, lowCD, 1, 3),
    v128.shuffle<f64>(highAB, highCD, 0, 2),
    v128.shuffle<f64>(highAB, highCD, 1, 3),
    v128.shuffle<f64>(lastAB, lastCD, 0, 2),
    v128.shuffle<f64>(lastAB, lastCD, 1, 3),
    to,
    16,
  );
}

/**
 * All channels of the input's tile whose first row and column are given (they may lie outside), as rows of V. `x` is the
 * image, `end` the end of all images, `between` room for a tile of four channels. With a `gate`, not 0, only what a rectifier
 * let through counts: its result lies so many bytes behind x.
 */
export function inputTile(plan: WinogradPlan, x: usize, gate: usize, row: i32, column: i32, end: usize, to: usize, between: usize): void {
  const plane = <usize>(plan.height * plan.width) << 2;
  const mask = inside(column, plan.width);
  const lastMask = inside(column + 4, plan.width);
  const masked = column < 0 || column + 6 > plan.width;
  const line = <usize>plan.width << 2;
  const step = plan.channelStep;
  for (let channel = 0; channel < plan.channels; channel += 4) {
    // The lanes that the last vector lacks repeat its last channel; the product does not read them.
    const last = plan.channels - channel - 1;
    let p0 = x + <usize>channel * plane + (row * plan.width + column) * 4;
    let p1 = p0 + <usize>min(1, last) * plane;
    let p2 = p0 + <usize>min(2, last) * plane;
    let p3 = p0 + <usize>min(3, last) * plane;
    for (let i = 0; i < 6; i++) {
      const at = between + <usize>i * 96;
      if (<u32>(row + i) >= <u32>plan.height) memory.fill(at, 0, 96);
      else if (masked) {
        if (gate != 0) inputRow(true, true, p0, p1, p2, p3, gate, mask, lastMask, end, at);
        else inputRow(true, false, p0, p1, p2, p3, gate, mask, lastMask, end, at);
      } else if (gate != 0) inputRow(false, true, p0, p1, p2, p3, gate, mask, lastMask, end, at);
      else inputRow(false, false, p0, p1, p2, p3, gate, mask, lastMask, end, at);
      p0 += line;
      p1 += line;
      p2 += line;
      p3 += line;
    }
    for (let j: usize = 0; j < 6; j++) {
      const at = between + (j << 4);
      inputToFrequencies(
        v128.load(at),
        v128.load(at, 96),
        v128.load(at, 192),
        v128.load(at, 288),
        v128.load(at, 384),
        v128.load(at, 480),
        to + j * step,
        6 * step,
      );
    }
    to += 16;
  }
}

/** One row of a tile of the results' gradient: elements 0…3 of four channels. @returns its sum. */
// @ts-ignore: decorator
@inline
function gradientRow(
  masked: bool,
  gated: bool,
  p0: usize,
  p1: usize,
  p2: usize,
  p3: usize,
  gate: usize,
  mask: v128,
  end: usize,
  to: usize,
): v128 {
  const a = load4(masked, gated, p0, gate, mask, end);
  const b = load4(masked, gated, p1, gate, mask, end);
  const c = load4(masked, gated, p2, gate, mask, end);
  const d = load4(masked, gated, p3, gate, mask, end);
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
 * All planes of one tile of the results' gradient, gated as the input's; the lanes that the last strip lacks become 0. The
 * tile's sums are added to `sums`.
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
  const masked = column + 4 > plan.outWidth;
  const line = <usize>plan.outWidth << 2;
  const step = plan.resultStep;
  const rows = min(4, plan.outHeight - row);
  for (let channel = 0; channel < 8 * plan.strips; channel += 4) {
    const last = max(0, plan.results - channel - 1);
    const lanes = inside(channel, plan.results);
    let p0 = g + <usize>min(channel, plan.results - 1) * plane + (<usize>(row * plan.outWidth + column) << 2);
    let p1 = p0 + <usize>min(1, last) * plane;
    let p2 = p0 + <usize>min(2, last) * plane;
    let p3 = p0 + <usize>min(3, last) * plane;
    let total = f32x4.splat(0);
    for (let i = 0; i < 4; i++) {
      const at = between + <usize>i * 96;
      if (i >= rows) memory.fill(at, 0, 96);
      else {
        const sum = masked
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
    to += 16;
    sums += 16;
  }
}

/** All planes of one tile of results, from rows of M: plus bias (0 for none), and without what is below 0 if `isRelu`. */
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
  const step = plan.resultStep;
  const rows = min(4, plan.outHeight - row);
  const columns = min(4, plan.outWidth - column);
  const zero = f32x4.splat(0);
  for (let channel = 0; channel < plan.results; channel += 4) {
    const planes = plan.results - channel;
    for (let j: usize = 0; j < 6; j++) {
      const at = from + j * step;
      frequenciesToResults(
        v128.load(at),
        v128.load(at + 6 * step),
        v128.load(at + 12 * step),
        v128.load(at + 18 * step),
        v128.load(at + 24 * step),
        v128.load(at + 30 * step),
        between + (j << 4),
        96,
      );
    }
    const shift = bias == 0 ? zero : loadUpTo4(bias + (<usize>channel << 2), planes);
    let to = out + <usize>channel * plane + (<usize>(row * plan.outWidth + column) << 2);
    for (let i = 0; i < rows; i++) {
      const at = between + <usize>i * 96;
      frequenciesToResults(
        v128.load(at),
        v128.load(at, 16),
        v128.load(at, 32),
        v128.load(at, 48),
        v128.load(at, 64),
        v128.load(at, 80),
        at,
        16,
      );
      let a = f32x4.add(v128.load(at), shift);
      let b = f32x4.add(v128.load(at, 16), shift);
      let c = f32x4.add(v128.load(at, 32), shift);
      let d = f32x4.add(v128.load(at, 48), shift);
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
