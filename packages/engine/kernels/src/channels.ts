// The sums and the arithmetic of normalisations, for arrays of the shape [outer, channels, inner]. Each channel has its own mean, scale and
// so on. Sums are computed in float32 over blocks, and the blocks are added in float64. Units of the sums are channels; units of the
// arithmetic are rows [outer, channel].
import { loadTail, storeTail } from './memory';

/** The number of vectors that are summed in float32. */
const BLOCK = 64;

// @ts-ignore: decorator
@inline
function lanesSum(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) + <f64>f32x4.extract_lane(v, 1) + (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  );
}

const SUM = 0;
const SQUARES = 1;
const PRODUCTS = 2;

/** Returns the sum over one row: of x, of (x - mean)^2, or of g * (x - mean). */
// @ts-ignore: decorator
@inline
function rowSum(what: i32, g: usize, x: usize, mean: f32, n: i32): f64 {
  const m = f32x4.splat(mean);
  let total: f64 = 0;
  while (n >= 4) {
    let sum = f32x4.splat(0);
    for (let block = min(n >> 2, BLOCK); block > 0; block--) {
      const v = v128.load(x);
      const d = f32x4.sub(v, m);
      sum = f32x4.add(sum, what == SUM ? v : what == SQUARES ? f32x4.mul(d, d) : f32x4.mul(v128.load(g), d));
      x += 16;
      if (what == PRODUCTS) g += 16;
      n -= 4;
    }
    total += lanesSum(sum);
  }
  for (; n > 0; n--) {
    const v = load<f32>(x);
    const d = v - mean;
    total += what == SUM ? v : what == SQUARES ? d * d : load<f32>(g) * d;
    x += 4;
    if (what == PRODUCTS) g += 4;
  }
  return total;
}

/** Computes the mean of each channel, and the mean of the squared differences from it. */
export function channelMoments(x: usize, mean: usize, variance: usize, outer: i32, channels: i32, inner: i32, from: i32, to: i32): void {
  const row = <usize>inner << 2;
  const step = row * <usize>channels;
  const count = <f64>outer * <f64>inner;
  for (let c = from; c < to; c++) {
    let at = x + <usize>c * row;
    let sum: f64 = 0;
    for (let o = 0; o < outer; o++) {
      sum += rowSum(SUM, 0, at, 0, inner);
      at += step;
    }
    const m = <f32>(sum / count);
    at = x + <usize>c * row;
    sum = 0;
    for (let o = 0; o < outer; o++) {
      sum += rowSum(SQUARES, 0, at, m, inner);
      at += step;
    }
    store<f32>(mean + (<usize>c << 2), m);
    store<f32>(variance + (<usize>c << 2), <f32>(sum / count));
  }
}

/** Computes the sums of g and of g * (x - mean) over each channel. */
export function channelProducts(
  g: usize,
  x: usize,
  mean: usize,
  sums: usize,
  products: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const row = <usize>inner << 2;
  const step = row * <usize>channels;
  for (let c = from; c < to; c++) {
    const m = load<f32>(mean + (<usize>c << 2));
    let offset = <usize>c * row;
    let sum: f64 = 0;
    let product: f64 = 0;
    for (let o = 0; o < outer; o++) {
      sum += rowSum(SUM, 0, g + offset, 0, inner);
      product += rowSum(PRODUCTS, g + offset, x + offset, m, inner);
      offset += step;
    }
    store<f32>(sums + (<usize>c << 2), <f32>sum);
    store<f32>(products + (<usize>c << 2), <f32>product);
  }
}

/** Computes out = (x - mean) * scale + shift. */
export function channelScale(
  x: usize,
  mean: usize,
  scale: usize,
  shift: usize,
  out: usize,
  channels: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  x += <usize>(from * inner) << 2;
  out += <usize>(from * inner) << 2;
  for (let row = from; row < to; row++) {
    const at = <usize>(row % channels) << 2;
    const m = v128.load32_splat(mean + at);
    const factor = v128.load32_splat(scale + at);
    const offset = v128.load32_splat(shift + at);
    let n = inner;
    for (; n >= 4; n -= 4) {
      v128.store(out, f32x4.add(f32x4.mul(f32x4.sub(v128.load(x), m), factor), offset));
      x += 16;
      out += 16;
    }
    if (n > 0) {
      storeTail(out, f32x4.add(f32x4.mul(f32x4.sub(loadTail(x, n), m), factor), offset), n);
      x += <usize>n << 2;
      out += <usize>n << 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function combine(g: v128, x: v128, m: v128, ofG: v128, ofX: v128, offset: v128): v128 {
  return f32x4.add(f32x4.add(f32x4.mul(g, ofG), f32x4.mul(f32x4.sub(x, m), ofX)), offset);
}

/** Computes dx = g * gFactor + (x - mean) * xFactor + shift. */
export function channelCombine(
  g: usize,
  x: usize,
  mean: usize,
  gFactor: usize,
  xFactor: usize,
  shift: usize,
  dx: usize,
  channels: i32,
  inner: i32,
  from: i32,
  to: i32,
): void {
  const skipped = <usize>(from * inner) << 2;
  g += skipped;
  x += skipped;
  dx += skipped;
  for (let row = from; row < to; row++) {
    const at = <usize>(row % channels) << 2;
    const m = v128.load32_splat(mean + at);
    const ofG = v128.load32_splat(gFactor + at);
    const ofX = v128.load32_splat(xFactor + at);
    const offset = v128.load32_splat(shift + at);
    let n = inner;
    for (; n >= 4; n -= 4) {
      v128.store(dx, combine(v128.load(g), v128.load(x), m, ofG, ofX, offset));
      g += 16;
      x += 16;
      dx += 16;
    }
    if (n > 0) {
      storeTail(dx, combine(loadTail(g, n), loadTail(x, n), m, ofG, ofX, offset), n);
      const bytes = <usize>n << 2;
      g += bytes;
      x += bytes;
      dx += bytes;
    }
  }
}
