// Depthwise convolutions, where each channel has a kernel of its own (groups = channels in = channels out). They are not computed as matrix
// products: each plane is copied once with its padding, and each tap (element of the kernel) is applied to several elements at once. Units
// are planes, or channels for the weight's gradient. All other convolutions are in conv2d.ts.
import { ConvSizes } from './definitions.generated';
import { fill } from './elementwise';
import { madd } from './madd';
import { ownScratch, storeUpTo4 } from './memory';

/** How many elements a row of eight results may read beyond the last element that it needs. */
// @ts-ignore: decorator
@inline
function slack(stride: i32): i32 {
  return 8 * stride + 8;
}

/** Returns the bytes of each thread's scratch memory for any of the three kernels: a padded plane, a copy of the kernel, and its sums. */
export function planDepthwise(geometry: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  const reachHeight = (sizes.kernelHeight - 1) * sizes.dilationHeight;
  const reachWidth = (sizes.kernelWidth - 1) * sizes.dilationWidth;
  const height = max((sizes.outHeight - 1) * sizes.strideHeight + 1, sizes.height) + reachHeight;
  const width = max((sizes.outWidth - 1) * sizes.strideWidth + 1, sizes.width) + reachWidth;
  const taps = <usize>(sizes.kernelHeight * sizes.kernelWidth);
  return (<usize>(height * width + slack(max(sizes.strideWidth, 1))) << 2) + taps * 12 + 64;
}

/**
 * Copies x into a plane, beginning at (top, left), with its rows `rowStep` and its columns `columnStep` apart. Elements that would be
 * outside the plane are skipped.
 */
function place(
  x: usize,
  rows: i32,
  columns: i32,
  plane: usize,
  height: i32,
  width: i32,
  top: i32,
  left: i32,
  rowStep: i32,
  columnStep: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const row = top + r * rowStep;
    if (<u32>row < <u32>height) {
      const from = x + (<usize>(r * columns) << 2);
      const to = plane + (<usize>(row * width) << 2);
      if (columnStep == 1) {
        const first = max(0, -left);
        const count = min(columns, width - left) - first;
        if (count > 0) memory.copy(to + (<usize>(left + first) << 2), from + (<usize>first << 2), <usize>count << 2);
      } else {
        for (let c = 0; c < columns; c++) {
          const column = left + c * columnStep;
          if (<u32>column < <u32>width) store<f32>(to + (<usize>column << 2), load<f32>(from + (<usize>c << 2)));
        }
      }
    }
  }
}

/** Loads four elements that are `stride` apart. */
// @ts-ignore: decorator
@inline
function load4(x: usize, stride: i32): v128 {
  if (stride == 1) return v128.load(x);
  if (stride == 2) return v128.shuffle<f32>(v128.load(x), v128.load(x, 16), 0, 2, 4, 6);
  const step = <usize>stride << 2;
  let lanes = v128.load32_splat(x);
  lanes = f32x4.replace_lane(lanes, 1, load<f32>(x + step));
  lanes = f32x4.replace_lane(lanes, 2, load<f32>(x + 2 * step));
  return f32x4.replace_lane(lanes, 3, load<f32>(x + 3 * step));
}

/** Computes one row of results, eight at a time: out = bias + the sum over taps of weight * plane. */
// @ts-ignore: decorator
@inline
function row(plane: usize, sizes: ConvSizes, width: i32, stride: i32, weight: usize, bias: f32, out: usize, outWidth: i32): void {
  const tapRow = <usize>(sizes.dilationHeight * width) << 2;
  const tapColumn = <usize>sizes.dilationWidth << 2;
  const four = <usize>stride << 4;
  for (let ox = 0; ox < outWidth; ox += 8) {
    let low = f32x4.splat(bias);
    let high = low;
    let line = plane + (<usize>(ox * stride) << 2);
    let at = weight;
    for (let ky = 0; ky < sizes.kernelHeight; ky++) {
      let x = line;
      for (let kx = 0; kx < sizes.kernelWidth; kx++) {
        const w = v128.load32_splat(at);
        low = madd(low, w, load4(x, stride));
        high = madd(high, w, load4(x + four, stride));
        at += 4;
        x += tapColumn;
      }
      line += tapRow;
    }
    const left = outWidth - ox;
    storeUpTo4(out, low, left);
    if (left > 4) storeUpTo4(out + 16, high, left - 4);
    out += 32;
  }
}

/** Computes one output plane of the convolution from one padded input plane. */
function correlate(
  plane: usize,
  sizes: ConvSizes,
  width: i32,
  strideHeight: i32,
  strideWidth: i32,
  weight: usize,
  bias: f32,
  out: usize,
  outHeight: i32,
  outWidth: i32,
): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const from = plane + (<usize>(oy * strideHeight * width) << 2);
    if (strideWidth == 1) row(from, sizes, width, 1, weight, bias, out, outWidth);
    else if (strideWidth == 2) row(from, sizes, width, 2, weight, bias, out, outWidth);
    else row(from, sizes, width, strideWidth, weight, bias, out, outWidth);
    out += <usize>outWidth << 2;
  }
}

/** Computes out = x convolved with weight [channels, 1, kernelHeight, kernelWidth]. A `bias` of 0 means no bias. */
export function depthwise(x: usize, weight: usize, bias: usize, out: usize, geometry: usize, scratch: usize, from: i32, to: i32): void {
  const sizes = changetype<ConvSizes>(geometry);
  scratch = ownScratch(scratch, planDepthwise(geometry));
  const height = (sizes.outHeight - 1) * sizes.strideHeight + (sizes.kernelHeight - 1) * sizes.dilationHeight + 1;
  const width = (sizes.outWidth - 1) * sizes.strideWidth + (sizes.kernelWidth - 1) * sizes.dilationWidth + 1;
  const taps = <usize>(sizes.kernelHeight * sizes.kernelWidth) << 2;
  fill(scratch, height * width, 0);
  const inPlane = <usize>(sizes.height * sizes.width) << 2;
  const outPlane = <usize>(sizes.outHeight * sizes.outWidth) << 2;
  for (let plane = from; plane < to; plane++) {
    const c = plane % sizes.inChannels;
    place(x + <usize>plane * inPlane, sizes.height, sizes.width, scratch, height, width, sizes.padTop, sizes.padLeft, 1, 1);
    const b = bias == 0 ? <f32>0 : load<f32>(bias + (<usize>c << 2));
    const w = weight + <usize>c * taps;
    const results = out + <usize>plane * outPlane;
    correlate(scratch, sizes, width, sizes.strideHeight, sizes.strideWidth, w, b, results, sizes.outHeight, sizes.outWidth);
  }
}

/** Computes dx. It correlates g, with its elements placed a stride apart, with the kernel turned by 180°. */
export function depthwiseBackwardInput(g: usize, weight: usize, dx: usize, geometry: usize, scratch: usize, from: i32, to: i32): void {
  const sizes = changetype<ConvSizes>(geometry);
  scratch = ownScratch(scratch, planDepthwise(geometry));
  const reachHeight = (sizes.kernelHeight - 1) * sizes.dilationHeight;
  const reachWidth = (sizes.kernelWidth - 1) * sizes.dilationWidth;
  const height = sizes.height + reachHeight;
  const width = sizes.width + reachWidth;
  const top = reachHeight - sizes.padTop;
  const left = reachWidth - sizes.padLeft;
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  const turned = scratch + (<usize>(height * width + slack(1)) << 2);
  fill(scratch, height * width, 0);
  const inPlane = <usize>(sizes.height * sizes.width) << 2;
  const outPlane = <usize>(sizes.outHeight * sizes.outWidth) << 2;
  for (let plane = from; plane < to; plane++) {
    const ofPlane = g + <usize>plane * outPlane;
    place(ofPlane, sizes.outHeight, sizes.outWidth, scratch, height, width, top, left, sizes.strideHeight, sizes.strideWidth);
    const w = weight + (<usize>((plane % sizes.inChannels) * taps) << 2);
    for (let tap = 0; tap < taps; tap++) {
      store<f32>(turned + (<usize>tap << 2), load<f32>(w + (<usize>(taps - 1 - tap) << 2)));
    }
    correlate(scratch, sizes, width, 1, 1, turned, 0, dx + <usize>plane * inPlane, sizes.height, sizes.width);
  }
}

/** Returns the sum of g * x over one row of results. */
// @ts-ignore: decorator
@inline
function rowDot(g: usize, x: usize, stride: i32, n: i32): f32 {
  let sum = f32x4.splat(0);
  const step = <usize>stride << 4;
  for (; n >= 4; n -= 4) {
    sum = madd(sum, v128.load(g), load4(x, stride));
    g += 16;
    x += step;
  }
  let rest: f32 = 0;
  for (; n > 0; n--) {
    rest += load<f32>(g) * load<f32>(x);
    g += 4;
    x += <usize>stride << 2;
  }
  return f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3)) + rest;
}

/** Computes dw. A tap's gradient is the sum of g times the elements of x that the tap reads. Rows are added in float64. */
export function depthwiseBackwardWeight(g: usize, x: usize, dw: usize, geometry: usize, scratch: usize, from: i32, to: i32): void {
  const sizes = changetype<ConvSizes>(geometry);
  scratch = ownScratch(scratch, planDepthwise(geometry));
  const height = (sizes.outHeight - 1) * sizes.strideHeight + (sizes.kernelHeight - 1) * sizes.dilationHeight + 1;
  const width = (sizes.outWidth - 1) * sizes.strideWidth + (sizes.kernelWidth - 1) * sizes.dilationWidth + 1;
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  const sums = (scratch + (<usize>(height * width + slack(sizes.strideWidth)) << 2) + 7) & ~7;
  const inPlane = <usize>(sizes.height * sizes.width) << 2;
  const outPlane = <usize>(sizes.outHeight * sizes.outWidth) << 2;
  fill(scratch, height * width, 0);
  dw += <usize>(from * taps) << 2;
  for (let c = from; c < to; c++) {
    for (let tap = 0; tap < taps; tap++) store<f64>(sums + (<usize>tap << 3), 0);
    for (let n = 0; n < sizes.batch; n++) {
      const at = <usize>(n * sizes.inChannels + c);
      place(x + at * inPlane, sizes.height, sizes.width, scratch, height, width, sizes.padTop, sizes.padLeft, 1, 1);
      let row = g + at * outPlane;
      for (let oy = 0; oy < sizes.outHeight; oy++) {
        addRow(row, scratch + (<usize>(oy * sizes.strideHeight * width) << 2), sizes, width, sums);
        row += <usize>sizes.outWidth << 2;
      }
    }
    for (let tap = 0; tap < taps; tap++) {
      store<f32>(dw, <f32>load<f64>(sums + (<usize>tap << 3)));
      dw += 4;
    }
  }
}

/** Adds one row of results to the sums of all taps. */
function addRow(g: usize, plane: usize, sizes: ConvSizes, width: i32, sums: usize): void {
  const tapRow = <usize>(sizes.dilationHeight * width) << 2;
  const tapColumn = <usize>sizes.dilationWidth << 2;
  const n = sizes.outWidth;
  const stride = sizes.strideWidth;
  for (let ky = 0; ky < sizes.kernelHeight; ky++) {
    let x = plane;
    for (let kx = 0; kx < sizes.kernelWidth; kx++) {
      const sum = stride == 1 ? rowDot(g, x, 1, n) : stride == 2 ? rowDot(g, x, 2, n) : rowDot(g, x, stride, n);
      store<f64>(sums, load<f64>(sums) + sum);
      sums += 8;
      x += tapColumn;
    }
    plane += tapRow;
  }
}
