// Convolution of stride 1, relu and 2 × 2 max-pooling in one kernel, for images of few channels in NCHW. A tile is 3 output channels × 2
// rows × 4 columns. Its sums are six vectors in registers, each of four neighbouring columns, so that no lanes are wasted when there are
// few output channels. Each sum starts with the bias and adds its terms in the order of channel, kernel row and kernel column. If 3 does
// not divide the output channels, the last tile computes some of them again.
import { copyLines } from './copyLines';
import { ConvSizes } from './definitions.generated';
import { fill } from './elementwise';
import { madd } from './madd';
import { lines, ownScratch } from './memory';
import { poolLanes } from './poolLanes';

const TILE_CHANNELS = 3;

// @ts-ignore: decorator
@inline
function blocksOf(outChannels: i32): i32 {
  return (outChannels + TILE_CHANNELS - 1) / TILE_CHANNELS;
}

// @ts-ignore: decorator
@inline
function firstChannel(outChannels: i32, block: i32): i32 {
  return min(block * TILE_CHANNELS, outChannels - TILE_CHANNELS);
}

// @ts-ignore: decorator
@inline
function termsOf(sizes: ConvSizes): i32 {
  return sizes.inChannels * sizes.kernelHeight * sizes.kernelWidth;
}

// @ts-ignore: decorator
@inline
function isPadded(sizes: ConvSizes): bool {
  return (
    sizes.padTop + sizes.padLeft > 0 ||
    sizes.outHeight + sizes.kernelHeight - 1 > sizes.height ||
    sizes.outWidth + sizes.kernelWidth - 1 > sizes.width
  );
}

/** Returns the height of the padded image. paddedWidth returns its width. */
// @ts-ignore: decorator
@inline
function paddedHeight(sizes: ConvSizes): i32 {
  return max(sizes.height + sizes.padTop, sizes.outHeight + sizes.kernelHeight - 1);
}

// @ts-ignore: decorator
@inline
function paddedWidth(sizes: ConvSizes): i32 {
  return max(sizes.width + sizes.padLeft, sizes.outWidth + sizes.kernelWidth - 1);
}

// @ts-ignore: decorator
@inline
function rowBytes(sizes: ConvSizes): usize {
  return <usize>((sizes.outWidth + 7) & ~3) << 2;
}

/** Returns the bytes of the packed weights. */
export function directConvWeights(geometry: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  return <usize>(blocksOf(sizes.outChannels) * (termsOf(sizes) + 1) * TILE_CHANNELS) << 4;
}

/** Returns the bytes of scratch memory of each thread. */
export function directConvScratch(geometry: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  const image = isPadded(sizes) ? <usize>(sizes.inChannels * paddedHeight(sizes) * paddedWidth(sizes)) << 2 : 0;
  return lines(2 * TILE_CHANNELS * rowBytes(sizes) + image);
}

/**
 * Packs the weight in the order in which tiles read it. For each block of 3 output channels there are the biases and then the terms. Each
 * number is repeated to fill a vector.
 */
export function packDirectConv(weight: usize, bias: usize, packed: usize, geometry: usize): void {
  const sizes = changetype<ConvSizes>(geometry);
  const terms = termsOf(sizes);
  for (let block = 0; block < blocksOf(sizes.outChannels); block++) {
    const first = firstChannel(sizes.outChannels, block);
    for (let i = 0; i < TILE_CHANNELS; i++) {
      v128.store(packed, bias == 0 ? f32x4.splat(0) : v128.load32_splat(bias + (<usize>(first + i) << 2)));
      packed += 16;
    }
    let from = weight + (<usize>(first * terms) << 2);
    for (let term = 0; term < terms; term++) {
      v128.store(packed, v128.load32_splat(from));
      v128.store(packed, v128.load32_splat(from + (<usize>terms << 2)), 16);
      v128.store(packed, v128.load32_splat(from + (<usize>terms << 3)), 32);
      packed += 48;
      from += 4;
    }
  }
}

/** Computes the pooled images (`out`) and the position of each maximum in the convolution's plane (`indices`). Units are images. */
export function directConvReluPool(
  x: usize,
  packed: usize,
  out: usize,
  indices: usize,
  geometry: usize,
  scratch: usize,
  scratchBytes: usize,
  from: i32,
  to: i32,
): void {
  const sizes = changetype<ConvSizes>(geometry);
  const rows = ownScratch(scratch, scratchBytes);
  const image = rows + 2 * TILE_CHANNELS * rowBytes(sizes);
  const pads = isPadded(sizes);
  const inBytes = <usize>(sizes.inChannels * sizes.height * sizes.width) << 2;
  const outBytes = <usize>(sizes.outChannels * (sizes.outHeight >> 1) * (sizes.outWidth >> 1)) << 2;
  if (pads) fill(image, sizes.inChannels * paddedHeight(sizes) * paddedWidth(sizes), 0);
  for (let n = from; n < to; n++) {
    let input = x + <usize>n * inBytes;
    if (pads) {
      padImage(sizes, input, image);
      input = image;
    }
    convolveImage(sizes, input, pads, packed, out + <usize>n * outBytes, indices + <usize>n * outBytes, rows);
  }
}

function padImage(sizes: ConvSizes, x: usize, image: usize): void {
  const width = <usize>paddedWidth(sizes) << 2;
  for (let c = 0; c < sizes.inChannels; c++) {
    const to = image + <usize>(c * paddedHeight(sizes) + sizes.padTop) * width + (<usize>sizes.padLeft << 2);
    copyLines(x, <usize>sizes.width << 2, to, width, sizes.height, sizes.width);
    x += <usize>(sizes.height * sizes.width) << 2;
  }
}

function convolveImage(sizes: ConvSizes, x: usize, pads: bool, packed: usize, out: usize, indices: usize, rows: usize): void {
  const line = <usize>(pads ? paddedWidth(sizes) : sizes.width) << 2;
  const plane = line * <usize>(pads ? paddedHeight(sizes) : sizes.height);
  const windows = sizes.outWidth >> 1;
  const windowRows = sizes.outHeight >> 1;
  const outPlane = <usize>(windowRows * windows) << 2;
  const step = rowBytes(sizes);
  const blockBytes = <usize>((termsOf(sizes) + 1) * TILE_CHANNELS) << 4;
  for (let block = 0; block < blocksOf(sizes.outChannels); block++) {
    const skipped = <usize>firstChannel(sizes.outChannels, block) * outPlane;
    for (let row = 0; row < windowRows; row++) {
      const upper = x + <usize>(2 * row) * line;
      for (let column = 0; column < 2 * windows; column += 4) {
        // The last tile may compute results of the previous tile again, with the same bits.
        const at = <usize>min(column, 2 * windows - 4) << 2;
        tile(sizes, upper + at, line, plane, packed, rows + at, step);
      }
      const first = skipped + (<usize>(row * windows) << 2);
      for (let i: usize = 0; i < <usize>TILE_CHANNELS; i++) {
        const to = first + i * outPlane;
        poolRow(rows + 2 * i * step, step, windows, 2 * row * sizes.outWidth, sizes.outWidth, out + to, indices + to);
      }
    }
    packed += blockBytes;
  }
}

/**
 * Computes 3 channels × 2 rows × 4 columns of results. The two rows of a channel are `step` bytes apart, and the rows of the next channel
 * follow.
 */
function tile(sizes: ConvSizes, x: usize, line: usize, plane: usize, w: usize, to: usize, step: usize): void {
  let upper0 = v128.load(w);
  let upper1 = v128.load(w, 16);
  let upper2 = v128.load(w, 32);
  let lower0 = upper0;
  let lower1 = upper1;
  let lower2 = upper2;
  w += 48;
  const width = sizes.kernelWidth;
  for (let c = sizes.inChannels; c > 0; c--) {
    let from = x;
    for (let kh = sizes.kernelHeight; kh > 0; kh--) {
      let a = from;
      from += line;
      let b = from;
      // The loop over the most common kernel width is unrolled, which saves a sixteenth of the time.
      if (width == 5) {
        const x00 = v128.load(a, 0);
        const x01 = v128.load(b, 0);
        const w00 = v128.load(w, 0);
        upper0 = madd(upper0, x00, w00);
        lower0 = madd(lower0, x01, w00);
        const w01 = v128.load(w, 16);
        upper1 = madd(upper1, x00, w01);
        lower1 = madd(lower1, x01, w01);
        const w02 = v128.load(w, 32);
        upper2 = madd(upper2, x00, w02);
        lower2 = madd(lower2, x01, w02);
        const x10 = v128.load(a, 4);
        const x11 = v128.load(b, 4);
        const w10 = v128.load(w, 48);
        upper0 = madd(upper0, x10, w10);
        lower0 = madd(lower0, x11, w10);
        const w11 = v128.load(w, 64);
        upper1 = madd(upper1, x10, w11);
        lower1 = madd(lower1, x11, w11);
        const w12 = v128.load(w, 80);
        upper2 = madd(upper2, x10, w12);
        lower2 = madd(lower2, x11, w12);
        const x20 = v128.load(a, 8);
        const x21 = v128.load(b, 8);
        const w20 = v128.load(w, 96);
        upper0 = madd(upper0, x20, w20);
        lower0 = madd(lower0, x21, w20);
        const w21 = v128.load(w, 112);
        upper1 = madd(upper1, x20, w21);
        lower1 = madd(lower1, x21, w21);
        const w22 = v128.load(w, 128);
        upper2 = madd(upper2, x20, w22);
        lower2 = madd(lower2, x21, w22);
        const x30 = v128.load(a, 12);
        const x31 = v128.load(b, 12);
        const w30 = v128.load(w, 144);
        upper0 = madd(upper0, x30, w30);
        lower0 = madd(lower0, x31, w30);
        const w31 = v128.load(w, 160);
        upper1 = madd(upper1, x30, w31);
        lower1 = madd(lower1, x31, w31);
        const w32 = v128.load(w, 176);
        upper2 = madd(upper2, x30, w32);
        lower2 = madd(lower2, x31, w32);
        const x40 = v128.load(a, 16);
        const x41 = v128.load(b, 16);
        const w40 = v128.load(w, 192);
        upper0 = madd(upper0, x40, w40);
        lower0 = madd(lower0, x41, w40);
        const w41 = v128.load(w, 208);
        upper1 = madd(upper1, x40, w41);
        lower1 = madd(lower1, x41, w41);
        const w42 = v128.load(w, 224);
        upper2 = madd(upper2, x40, w42);
        lower2 = madd(lower2, x41, w42);
        w += 240;
        continue;
      }
      for (let kw = width; kw > 0; kw--) {
        const x0 = v128.load(a);
        const x1 = v128.load(b);
        const w0 = v128.load(w);
        upper0 = madd(upper0, x0, w0);
        lower0 = madd(lower0, x1, w0);
        const w1 = v128.load(w, 16);
        upper1 = madd(upper1, x0, w1);
        lower1 = madd(lower1, x1, w1);
        const w2 = v128.load(w, 32);
        upper2 = madd(upper2, x0, w2);
        lower2 = madd(lower2, x1, w2);
        a += 4;
        b += 4;
        w += 48;
      }
    }
    x += plane;
  }
  v128.store(to, upper0);
  v128.store(to + step, lower0);
  to += 2 * step;
  v128.store(to, upper1);
  v128.store(to + step, lower1);
  to += 2 * step;
  v128.store(to, upper2);
  v128.store(to + step, lower2);
}

/** Computes a row of at least four windows, four at a time. The last four may overlap earlier ones. */
function poolRow(upper: usize, step: usize, windows: i32, rowStart: i32, width: i32, out: usize, indices: usize): void {
  for (let first = 0; first < windows; first += 4) {
    const window = min(first, windows - 4);
    const at = upper + (<usize>window << 3);
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at + step);
    const d = v128.load(at + step, 16);
    const to = <usize>window << 2;
    poolLanes(
      v128.shuffle<f32>(a, b, 0, 2, 4, 6),
      v128.shuffle<f32>(a, b, 1, 3, 5, 7),
      v128.shuffle<f32>(c, d, 0, 2, 4, 6),
      v128.shuffle<f32>(c, d, 1, 3, 5, 7),
      i32x4.add(i32x4.splat(rowStart + 2 * window), i32x4(0, 2, 4, 6)),
      width,
      out + to,
      indices + to,
    );
  }
}
