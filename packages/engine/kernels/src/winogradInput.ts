// Transforms tiles of the input, from NCHW planes to frequencies with four channels per vector. Outside of the planes, tiles read zeros.
import { inside, loadInside } from './winogradBorders';
import { WinogradPlan } from './winogradPlan';
import { inputToFrequencies } from './winogradTransforms';

// The place of a tile, which decides how it is loaded: inside its plane, one column beyond the left or right side (as with a padding of 1),
// or anywhere.
const INSIDE = 0;
const LEFT = 1;
const RIGHT = 2;
const ANYWHERE = 3;

/** Loads elements 0 to 3 of a row of a tile. `place` is a constant where this function is inlined. */
// @ts-ignore: decorator
@inline
function loadFour(place: i32, at: usize, mask: v128, end: usize): v128 {
  if (place == ANYWHERE) return loadInside(at, mask, end);
  if (place == LEFT) return v128.shuffle<f32>(f32x4.splat(0), v128.load(at, 4), 3, 4, 5, 6);
  return v128.load(at);
}

/** Loads elements 4 and 5 of a row of a tile. `place` is a constant where this function is inlined. */
// @ts-ignore: decorator
@inline
function loadTwo(place: i32, at: usize, mask: v128, end: usize): v128 {
  if (place == ANYWHERE) return loadInside(at + 16, mask, end);
  if (place == RIGHT) return v128.load32_zero(at, 16);
  return v128.load64_zero(at, 16);
}

/** First half of Winograd's transform of a tile of the input: transforms one row (elements 0 to 5) of four channels. */
// @ts-ignore: decorator
@inline
function inputRow(place: i32, p0: usize, p1: usize, p2: usize, p3: usize, mask: v128, lastMask: v128, end: usize, to: usize): void {
  const a = loadFour(place, p0, mask, end);
  const b = loadFour(place, p1, mask, end);
  const c = loadFour(place, p2, mask, end);
  const d = loadFour(place, p3, mask, end);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  const lastAB = v128.shuffle<f32>(loadTwo(place, p0, lastMask, end), loadTwo(place, p1, lastMask, end), 0, 4, 1, 5);
  const lastCD = v128.shuffle<f32>(loadTwo(place, p2, lastMask, end), loadTwo(place, p3, lastMask, end), 0, 4, 1, 5);
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

/** Stores six frequencies of 0. */
// @ts-ignore: decorator
@inline
export function zeroRow(to: usize): void {
  const zero = f32x4.splat(0);
  v128.store(to, zero);
  v128.store(to, zero, 16);
  v128.store(to, zero, 32);
  v128.store(to, zero, 48);
  v128.store(to, zero, 64);
  v128.store(to, zero, 80);
}

/**
 * Transforms all channels of one tile of the input and stores them as the tile's row of each frequency. `row` and `column` are the tile's
 * first row and column; they may be outside the plane. `x` is the image, `end` is the end of all images, and `between` has memory for a
 * tile of four channels.
 */
export function inputTile(plan: WinogradPlan, x: usize, row: i32, column: i32, end: usize, to: usize, between: usize): void {
  const plane = <usize>(plan.height * plan.width) << 2;
  const mask = inside(column, plan.width);
  const lastMask = inside(column + 4, plan.width);
  const beyond = column + 6 - plan.width;
  const place = column >= 0 ? (beyond <= 0 ? INSIDE : beyond == 1 ? RIGHT : ANYWHERE) : column == -1 && beyond <= 0 ? LEFT : ANYWHERE;
  const line = <usize>plan.width << 2;
  const step = plan.channelStep;
  for (let channel = 0; channel < plan.channels; channel += 4) {
    // The last vector may have unused lanes. They repeat the last channel, and the product does not read them.
    const last = plan.channels - channel - 1;
    let p0 = x + <usize>channel * plane + (row * plan.width + column) * 4;
    let p1 = p0 + <usize>min(1, last) * plane;
    let p2 = p0 + <usize>min(2, last) * plane;
    let p3 = p0 + <usize>min(3, last) * plane;
    for (let i = 0; i < 6; i++) {
      const at = between + <usize>i * 96;
      if (<u32>(row + i) >= <u32>plan.height) zeroRow(at);
      else if (place == INSIDE) inputRow(INSIDE, p0, p1, p2, p3, mask, lastMask, end, at);
      else if (place == LEFT) inputRow(LEFT, p0, p1, p2, p3, mask, lastMask, end, at);
      else if (place == RIGHT) inputRow(RIGHT, p0, p1, p2, p3, mask, lastMask, end, at);
      else inputRow(ANYWHERE, p0, p1, p2, p3, mask, lastMask, end, at);
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
