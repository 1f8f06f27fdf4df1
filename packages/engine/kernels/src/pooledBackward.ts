// The gradients of a convolution of stride 1 that is followed by relu and 2 × 2 max-pooling. Only positions that pooling kept and where
// relu's result is not 0 are visited (sparseWalk.ts). These are about an eighth of all positions. Units are runs of images. Each run has
// its own sums for the weight and the bias. At the end, the sums of all runs are added in order.
import { transpose } from './broadcast';
import { copyLines } from './copyLines';
import { ConvSizes } from './definitions.generated';
import { fill } from './elementwise';
import { lines, ownScratch } from './memory';
import { ENTRY, spreadWindows, sumWindows } from './sparseWalk';

/** Offsets in a thread's scratch memory, and sizes. The images in it are padded, and their channels are the last dimension. */
@unmanaged
class WalkPlan {
  width: i32;
  height: i32;
  /** Bytes of a line of the image. */
  line: usize;
  /** Vectors of a row of a window. */
  vectors: i32;
  /** The sizes of the image for the gradient of x. In this image, each pixel is padded to whole vectors. */
  spreadPixel: usize;
  spreadLine: usize;
  spreadVectors: i32;
  /** Bytes of the sums of one output channel. */
  sumBytes: usize;
  list: usize;
  image: usize;
  gradient: usize;
  bytes: usize;
}

function makePlan(sizes: ConvSizes, plan: WalkPlan): void {
  plan.width = max(sizes.width + sizes.padLeft, sizes.outWidth + sizes.kernelWidth - 1);
  plan.height = max(sizes.height + sizes.padTop, sizes.outHeight + sizes.kernelHeight - 1);
  plan.line = <usize>(plan.width * sizes.inChannels) << 2;
  plan.vectors = (sizes.kernelWidth * sizes.inChannels + 3) / 4;
  const pixelVectors = (sizes.inChannels + 3) / 4;
  plan.spreadPixel = <usize>pixelVectors << 4;
  plan.spreadLine = <usize>plan.width * plan.spreadPixel;
  plan.spreadVectors = sizes.kernelWidth * pixelVectors;
  plan.sumBytes = <usize>(sizes.kernelHeight * plan.vectors) << 4;
  plan.list = lines(offsetof<WalkPlan>());
  // One more entry than positions, because listPositions may write a rejected entry after the last listed one.
  plan.image = plan.list + lines(<usize>((sizes.outHeight >> 1) * (sizes.outWidth >> 1) + 1) * ENTRY);
  plan.gradient = plan.image + lines(<usize>plan.height * plan.line);
  plan.bytes = plan.gradient + lines(<usize>plan.height * plan.spreadLine);
}

/**
 * Returns the bytes of the sums of one unit: for each output channel the sums for its weights, then the sums for the biases. `room` is the
 * address of memory for a plan.
 */
export function pooledBackwardSums(geometry: usize, room: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  const plan = changetype<WalkPlan>(room);
  makePlan(sizes, plan);
  return <usize>sizes.outChannels * plan.sumBytes + lines(<usize>sizes.outChannels << 2);
}

/** Returns the bytes of scratch memory of each thread. */
export function pooledBackwardScratch(geometry: usize, room: usize): usize {
  const plan = changetype<WalkPlan>(room);
  makePlan(changetype<ConvSizes>(geometry), plan);
  return plan.bytes;
}

/** Returns the bytes of the weight in the layout of packWindows. */
export function packedWindows(geometry: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  return <usize>(sizes.outChannels * sizes.kernelHeight * sizes.kernelWidth * ((sizes.inChannels + 3) / 4)) << 4;
}

/**
 * Packs the weight in the order in which windows read it: for each output channel, its pixels row by row with the input channels last.
 * Pixels are padded with zeros to whole vectors.
 */
export function packWindows(weight: usize, packed: usize, geometry: usize): void {
  const sizes = changetype<ConvSizes>(geometry);
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  const spare = -sizes.inChannels & 3;
  for (let channel = 0; channel < sizes.outChannels; channel++) {
    for (let tap: usize = 0; tap < <usize>taps; tap++) {
      let from = weight + (tap << 2);
      for (let c = sizes.inChannels; c > 0; c--) {
        store<f32>(packed, load<f32>(from));
        packed += 4;
        from += <usize>taps << 2;
      }
      for (let i = 0; i < spare; i++) {
        store<f32>(packed, 0);
        packed += 4;
      }
    }
    weight += <usize>(taps * sizes.inChannels) << 2;
  }
}

/**
 * Computes dx and each unit's sums from the pooled gradient g. If the address `dx` is 0, only the sums are computed. `packed` is the weight
 * in the layout of packWindows. Units are runs of images; `runs` is their number.
 */
export function convReluPoolBackward(
  g: usize,
  y: usize,
  indices: usize,
  x: usize,
  packed: usize,
  dx: usize,
  sums: usize,
  sumBytes: usize,
  runs: i32,
  geometry: usize,
  scratch: usize,
  scratchBytes: usize,
  from: i32,
  to: i32,
): void {
  const sizes = changetype<ConvSizes>(geometry);
  const own = ownScratch(scratch, scratchBytes);
  const plan = changetype<WalkPlan>(own);
  makePlan(sizes, plan);
  fill(own + plan.image, <i32>((<usize>plan.height * plan.line) >> 2), 0);
  for (let unit = from; unit < to; unit++) {
    const part = sums + <usize>unit * sumBytes;
    memory.fill(part, 0, sumBytes);
    const end = (sizes.batch * (unit + 1)) / runs;
    for (let n = (sizes.batch * unit) / runs; n < end; n++) walkImage(sizes, plan, n, g, y, indices, x, packed, dx, part, own);
  }
}

function walkImage(
  sizes: ConvSizes,
  plan: WalkPlan,
  n: i32,
  g: usize,
  y: usize,
  indices: usize,
  x: usize,
  packed: usize,
  dx: usize,
  sums: usize,
  own: usize,
): void {
  const pooled = <usize>((sizes.outHeight >> 1) * (sizes.outWidth >> 1)) << 2;
  const skipped = <usize>(n * sizes.outChannels) * pooled;
  const inBytes = <usize>(sizes.inChannels * sizes.height * sizes.width) << 2;
  const input = x + <usize>n * inBytes;
  // A single channel without padding already has the needed layout.
  const isImage = sizes.inChannels == 1 && plan.width == sizes.width && plan.height == sizes.height;
  const image = isImage ? input : own + plan.image;
  if (!isImage) channelsLast(sizes, plan, input, image);
  if (dx != 0) fill(own + plan.gradient, <i32>((<usize>plan.height * plan.spreadLine) >> 2), 0);
  g += skipped;
  y += skipped;
  indices += skipped;
  const list = own + plan.list;
  const packedBytes = <usize>(sizes.kernelHeight * plan.spreadVectors) << 4;
  const biases = sums + <usize>sizes.outChannels * plan.sumBytes;
  for (let channel = 0; channel < sizes.outChannels; channel++) {
    const count = listPositions(sizes, plan, g, y, indices, list);
    sumWindows(image, plan.line, list, count, sizes.kernelHeight, plan.vectors, sums);
    sums += plan.sumBytes;
    if (dx != 0) spreadWindows(own + plan.gradient, plan.spreadLine, list, count, sizes.kernelHeight, plan.spreadVectors, packed);
    packed += packedBytes;
    const bias = biases + (<usize>channel << 2);
    store<f32>(bias, load<f32>(bias) + sumOfList(list, count));
    g += pooled;
    y += pooled;
    indices += pooled;
  }
  if (dx != 0) planesFirst(sizes, plan, own + plan.gradient, dx + <usize>n * inBytes);
}

/** Lists the positions of one channel where the gradient passes relu. @returns the number of these positions. */
function listPositions(sizes: ConvSizes, plan: WalkPlan, g: usize, y: usize, indices: usize, list: usize): i32 {
  const pixel = sizes.inChannels << 2;
  const down = <i32>plan.line - sizes.outWidth * pixel;
  const spreadPixel = <i32>plan.spreadPixel;
  const spreadDown = <i32>plan.spreadLine - sizes.outWidth * spreadPixel;
  const start = list;
  for (let row = 0; row < sizes.outHeight >> 1; row++) {
    let corner = 2 * row * sizes.outWidth;
    let offset = 2 * row * <i32>plan.line;
    let spreadOffset = 2 * row * <i32>plan.spreadLine;
    for (let i = sizes.outWidth >> 1; i > 0; i--) {
      const step = load<i32>(indices) - corner;
      const isBelow = step >= sizes.outWidth;
      store<u32>(list, offset + step * pixel + (isBelow ? down : 0));
      store<u32>(list, spreadOffset + step * spreadPixel + (isBelow ? spreadDown : 0), 4);
      store<f32>(list, load<f32>(g), 8);
      // Where relu's result is 0, the next entry overwrites this one. A NaN is kept, because NaN <= 0 is false.
      list += load<f32>(y) <= 0 ? 0 : ENTRY;
      corner += 2;
      offset += 2 * pixel;
      spreadOffset += 2 * spreadPixel;
      g += 4;
      y += 4;
      indices += 4;
    }
  }
  return <i32>((list - start) / ENTRY);
}

/** Returns the sum of the gradients in the list. It keeps four sums, because with one sum each addition would wait for the previous one. */
function sumOfList(list: usize, n: i32): f32 {
  let a: f32 = 0;
  let b: f32 = 0;
  let c: f32 = 0;
  let d: f32 = 0;
  for (; n >= 4; n -= 4) {
    a += load<f32>(list, 8);
    b += load<f32>(list, ENTRY + 8);
    c += load<f32>(list, 2 * ENTRY + 8);
    d += load<f32>(list, 3 * ENTRY + 8);
    list += 4 * ENTRY;
  }
  for (; n > 0; n--) {
    a += load<f32>(list, 8);
    list += ENTRY;
  }
  return a + b + (c + d);
}

/** Copies one image from planes to the padded layout with channels last. */
function channelsLast(sizes: ConvSizes, plan: WalkPlan, x: usize, image: usize): void {
  const plane = sizes.height * sizes.width;
  const to = image + <usize>sizes.padTop * plan.line + (<usize>(sizes.padLeft * sizes.inChannels) << 2);
  if (sizes.inChannels == 1) {
    copyLines(x, <usize>sizes.width << 2, to, plan.line, sizes.height, sizes.width);
  } else if (plan.width == sizes.width) {
    transpose(x, plane, to, sizes.inChannels, plane, sizes.inChannels);
  } else {
    for (let row: usize = 0; row < <usize>sizes.height; row++) {
      transpose(x + row * (<usize>sizes.width << 2), plane, to + row * plan.line, sizes.inChannels, sizes.width, sizes.inChannels);
    }
  }
}

/** Copies one image from the padded layout with channels last to planes, without the padding. */
function planesFirst(sizes: ConvSizes, plan: WalkPlan, image: usize, dx: usize): void {
  const plane = sizes.height * sizes.width;
  const pixel = <i32>(plan.spreadPixel >> 2);
  const from = image + <usize>sizes.padTop * plan.spreadLine + <usize>sizes.padLeft * plan.spreadPixel;
  if (plan.width == sizes.width) {
    transpose(from, pixel, dx, plane, sizes.inChannels, plane);
  } else {
    for (let row: usize = 0; row < <usize>sizes.height; row++) {
      transpose(from + row * plan.spreadLine, pixel, dx + row * (<usize>sizes.width << 2), plane, sizes.inChannels, sizes.width);
    }
  }
}

/**
 * Adds the sums of all runs of images in order, and stores the totals in dw and db. If the address `dw` or `db` is 0, that gradient is not
 * computed. Units are output channels.
 */
export function pooledBackwardTotal(
  sums: usize,
  sumBytes: usize,
  parts: i32,
  dw: usize,
  db: usize,
  geometry: usize,
  from: i32,
  to: i32,
): void {
  const sizes = changetype<ConvSizes>(geometry);
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  const length = sizes.kernelWidth * sizes.inChannels;
  const vectors = (length + 3) / 4;
  const channelBytes = <usize>(sizes.kernelHeight * vectors) << 4;
  for (let channel = from; channel < to; channel++) {
    const own = sums + <usize>channel * channelBytes;
    const bias = sums + <usize>sizes.outChannels * channelBytes + (<usize>channel << 2);
    for (let part = 1; part < parts; part++) {
      const other = <usize>part * sumBytes;
      for (let i: usize = 0; i < channelBytes; i += 16) v128.store(own + i, f32x4.add(v128.load(own + i), v128.load(own + other + i)));
      store<f32>(bias, load<f32>(bias) + load<f32>(bias + other));
    }
    if (db != 0) store<f32>(db + (<usize>channel << 2), load<f32>(bias));
    if (dw == 0) continue;
    const weight = dw + (<usize>(channel * taps * sizes.inChannels) << 2);
    for (let kh = 0; kh < sizes.kernelHeight; kh++) {
      let from = own + (<usize>(kh * vectors) << 4);
      for (let kw = 0; kw < sizes.kernelWidth; kw++) {
        let to = weight + (<usize>(kh * sizes.kernelWidth + kw) << 2);
        for (let c = sizes.inChannels; c > 0; c--) {
          store<f32>(to, load<f32>(from));
          from += 4;
          to += <usize>taps << 2;
        }
      }
    }
  }
}
