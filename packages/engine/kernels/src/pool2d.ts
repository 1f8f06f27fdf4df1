// Max pooling and its gradient, one plane after the other.
import { PoolSizes } from './definitions.generated';
import { fill } from './elementwise';

/** Stores the maximum of one window and its position in the plane. Of equal values the first is taken; a NaN counts as the largest. */
// @ts-ignore: decorator
@inline
function poolWindow(sizes: PoolSizes, x: usize, oh: i32, ow: i32, out: usize, index: usize): void {
  const top = oh * sizes.strideHeight - sizes.padTop;
  const left = ow * sizes.strideWidth - sizes.padLeft;
  let best: f32 = -Infinity;
  let position = -1;
  for (let kh = 0; kh < sizes.kernelHeight; kh++) {
    const row = top + kh * sizes.dilationHeight;
    if (<u32>row >= <u32>sizes.height) continue;
    for (let kw = 0; kw < sizes.kernelWidth; kw++) {
      const column = left + kw * sizes.dilationWidth;
      if (<u32>column >= <u32>sizes.width) continue;
      const at = row * sizes.width + column;
      const value = load<f32>(x + (<usize>at << 2));
      if (position < 0 || value > best || (value != value && best == best)) {
        best = value;
        position = at;
      }
    }
  }
  store<f32>(out, best);
  store<i32>(index, position);
}

/** Returns whether a faster kernel applies: the windows are 2 × 2, side by side, without padding, and all within the image. */
// @ts-ignore: decorator
@inline
function isPlain2x2(sizes: PoolSizes): bool {
  return (
    sizes.kernelHeight == 2 &&
    sizes.kernelWidth == 2 &&
    sizes.strideHeight == 2 &&
    sizes.strideWidth == 2 &&
    sizes.padTop == 0 &&
    sizes.padLeft == 0 &&
    sizes.dilationHeight == 1 &&
    sizes.dilationWidth == 1 &&
    2 * sizes.outHeight <= sizes.height &&
    2 * sizes.outWidth <= sizes.width
  );
}

/** Returns a mask of the lanes in which `value` replaces `best`: `value` is larger than `best` or NaN, and `best` is not NaN. */
// @ts-ignore: decorator
@inline
function replaces(value: v128, best: v128): v128 {
  return v128.andnot(f32x4.eq(best, best), f32x4.ge(best, value));
}

/** Computes a row of at least four plain 2 × 2 windows. The last four may overlap earlier windows, with the same results. */
function poolRow2x2(x: usize, width: i32, rowStart: i32, outWidth: i32, out: usize, indices: usize): void {
  const one = i32x4.splat(1);
  const below = i32x4.splat(width);
  for (let first = 0; first < outWidth; first += 4) {
    const ow = min(first, outWidth - 4);
    const upper = x + (<usize>ow << 3);
    const lower = upper + (<usize>width << 2);
    const a = v128.load(upper);
    const b = v128.load(upper, 16);
    const c = v128.load(lower);
    const d = v128.load(lower, 16);
    const position = i32x4.add(i32x4.splat(rowStart + 2 * ow), i32x4(0, 2, 4, 6));
    let best = v128.shuffle<f32>(a, b, 0, 2, 4, 6);
    let at = position;
    let value = v128.shuffle<f32>(a, b, 1, 3, 5, 7);
    let mask = replaces(value, best);
    best = v128.bitselect(value, best, mask);
    at = v128.bitselect(i32x4.add(position, one), at, mask);
    const second = i32x4.add(position, below);
    value = v128.shuffle<f32>(c, d, 0, 2, 4, 6);
    mask = replaces(value, best);
    best = v128.bitselect(value, best, mask);
    at = v128.bitselect(second, at, mask);
    value = v128.shuffle<f32>(c, d, 1, 3, 5, 7);
    mask = replaces(value, best);
    v128.store(out + (<usize>ow << 2), v128.bitselect(value, best, mask));
    v128.store(indices + (<usize>ow << 2), v128.bitselect(i32x4.add(second, one), at, mask));
  }
}

/** Computes each window's maximum (`out`) and its position in its plane (`indices`). Units are planes. */
export function maxPool2d(x: usize, out: usize, indices: usize, geometry: usize, from: i32, to: i32): void {
  const sizes = changetype<PoolSizes>(geometry);
  const inVectors = isPlain2x2(sizes) && sizes.outWidth >= 4;
  const skipped = <usize>(from * sizes.outHeight * sizes.outWidth) << 2;
  x += <usize>(from * sizes.height * sizes.width) << 2;
  out += skipped;
  indices += skipped;
  for (let plane = from; plane < to; plane++) {
    for (let oh = 0; oh < sizes.outHeight; oh++) {
      if (inVectors) {
        const rowStart = 2 * oh * sizes.width;
        poolRow2x2(x + (<usize>rowStart << 2), sizes.width, rowStart, sizes.outWidth, out, indices);
      } else {
        for (let ow = 0; ow < sizes.outWidth; ow++) poolWindow(sizes, x, oh, ow, out + (<usize>ow << 2), indices + (<usize>ow << 2));
      }
      out += <usize>sizes.outWidth << 2;
      indices += <usize>sizes.outWidth << 2;
    }
    x += <usize>(sizes.height * sizes.width) << 2;
  }
}

/**
 * Computes dx: adds the gradient of each window at the position of the window's maximum. A window that covers only padding has the position
 * -1 and adds nothing. Units are planes.
 */
export function maxPool2dBackward(g: usize, indices: usize, dx: usize, geometry: usize, from: i32, to: i32): void {
  const sizes = changetype<PoolSizes>(geometry);
  const inPlane = sizes.height * sizes.width;
  const outPlane = sizes.outHeight * sizes.outWidth;
  g += <usize>(from * outPlane) << 2;
  indices += <usize>(from * outPlane) << 2;
  dx += <usize>(from * inPlane) << 2;
  fill(dx, (to - from) * inPlane, 0);
  for (let plane = from; plane < to; plane++) {
    for (let i = 0; i < outPlane; i++) {
      const position = load<i32>(indices);
      const at = dx + (<usize>position << 2);
      if (position >= 0) store<f32>(at, load<f32>(at) + load<f32>(g));
      g += 4;
      indices += 4;
    }
    dx += <usize>inPlane << 2;
  }
}
