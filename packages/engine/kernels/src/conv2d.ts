// Direct 2-D convolution and its two gradients in NCHW, for any stride, padding, dilation and groups. It computes one tile at a time:
// neighbouring results of one row × 8 channels. The array that tiles read is described in convPlan.ts. Each result sums its terms in a
// fixed order: by block of channels, then by kernel row, channel and kernel column. Kernel rows that read only padding are skipped.
import { blockElements, blockStart } from './blocks';
import { transpose } from './broadcast';
import { clearImage, listResults, listTerms, makeImage } from './convImage';
import { ConvPlan, planBackwardInput, planForward } from './convPlan';
import { ConvSizes } from './definitions.generated';
import { fill } from './elementwise';
import { ownScratch } from './memory';
import { firstRow, listedTile, tilesOf, walkedTile } from './tile';

/** Returns the plan, which follows the sizes in memory. */
// @ts-ignore: decorator
@inline
function planOf(geometry: usize): ConvPlan {
  return changetype<ConvPlan>(geometry + offsetof<ConvSizes>());
}

/** Plans the result, or the gradient of the weight. @returns the bytes of scratch memory that each thread needs. */
export function planConv2d(geometry: usize): usize {
  const plan = planOf(geometry);
  planForward(changetype<ConvSizes>(geometry), plan);
  return plan.bytes;
}

/** Plans the gradient of x. @returns the bytes of scratch memory that each thread needs. */
export function planConv2dBackwardInput(geometry: usize): usize {
  const plan = planOf(geometry);
  planBackwardInput(changetype<ConvSizes>(geometry), plan);
  return plan.bytes;
}

/** Returns the bytes of the planned convolution's packed weights. */
export function packedBytes(geometry: usize): usize {
  return <usize>planOf(geometry).packed << 2;
}

/** Returns the number of units of `packConv2d`. A unit is a strip: 8 channels of the result, within one group. */
export function packUnits(geometry: usize): i32 {
  return changetype<ConvSizes>(geometry).groups * planOf(geometry).strips;
}

/** Packs the weight for `conv2d`. Pass 1 as `isTurned` if the plan is for the gradient of x. Units: see packUnits. */
export function packConv2d(weight: usize, packed: usize, geometry: usize, isTurned: i32, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const taps = plan.kernelHeight * plan.kernelWidth;
  const resultStep = isTurned ? taps : plan.depth;
  const channelStep = isTurned ? plan.results * taps : taps;
  for (let unit = from; unit < to; unit++) {
    const group = unit / plan.strips;
    packStrip(plan, weight, group, unit - group * plan.strips, resultStep, channelStep, isTurned != 0, packed);
  }
}

/**
 * Computes out = x convolved with the packed weight, plus bias. A `bias` of 0 means no bias. If the plan is for the gradient of x, pass the
 * result's gradient as `x`; `out` then gets the gradient of x. Units are images.
 */
export function conv2d(x: usize, packed: usize, bias: usize, out: usize, geometry: usize, scratch: usize, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const groups = changetype<ConvSizes>(geometry).groups;
  const imageBytes = <usize>(plan.channels * plan.height * plan.width) << 2;
  const outBytes = <usize>(plan.results * plan.outHeight * plan.outWidth) << 2;
  const weightBytes = <usize>(plan.strips * plan.depth) << 5;
  scratch = ownScratch(scratch, plan.bytes);
  const padded = scratch + plan.bias;
  fill(padded, plan.strips * 8, 0);
  clearImage(plan, scratch);
  x += <usize>(from * groups) * imageBytes;
  out += <usize>(from * groups) * outBytes;
  for (let n = from; n < to; n++) {
    for (let group = 0; group < groups; group++) {
      if (bias != 0) memory.copy(padded, bias + (<usize>(group * plan.results) << 2), <usize>plan.results << 2);
      for (let row = 0; row < plan.outHeight; row += plan.bandRows) {
        convolveBand(plan, x, packed + <usize>group * weightBytes, row, out, scratch);
      }
      x += imageBytes;
      out += outBytes;
    }
  }
}

/**
 * Packs weights in the order in which tiles read them: for each group, block of channels and strip (8 channels of the result), the terms in
 * the order of summation, and for each term 8 weights. If the last strip has fewer than 8 channels, the rest is 0. `resultStep` and
 * `channelStep`: the distance in `weight`, in elements, from one channel of the result or of the input to the next.
 */
function packStrip(
  plan: ConvPlan,
  weight: usize,
  group: i32,
  strip: i32,
  resultStep: i32,
  channelStep: i32,
  isTurned: bool,
  packed: usize,
): void {
  const taps = plan.kernelHeight * plan.kernelWidth;
  const lanes = min(8, plan.results - strip * 8);
  weight += <usize>(group * plan.results * plan.depth + strip * 8 * resultStep) << 2;
  for (let first = 0; first < plan.channels; first += plan.blockChannels) {
    const channels = min(plan.channels - first, plan.blockChannels);
    let to = packed + (<usize>((group * plan.depth + first * taps) * plan.strips + strip * channels * taps) << 5);
    for (let kh = 0; kh < plan.kernelHeight; kh++) {
      for (let c = 0; c < channels; c++) {
        for (let kw = 0; kw < plan.kernelWidth; kw++) {
          const tap = kh * plan.kernelWidth + kw;
          const from = (first + c) * channelStep + (isTurned ? taps - 1 - tap : tap);
          if (lanes < 8) memory.fill(to, 0, 32);
          for (let lane = 0; lane < lanes; lane++) {
            store<f32>(to + (<usize>lane << 2), load<f32>(weight + (<usize>(from + lane * resultStep) << 2)));
          }
          to += 32;
        }
      }
    }
  }
}

/** Computes a band of rows of one image's group, one block of channels after the other. */
function convolveBand(plan: ConvPlan, x: usize, weights: usize, firstOut: i32, out: usize, scratch: usize): void {
  const rows = min(plan.bandRows, plan.outHeight - firstOut);
  const taps = plan.kernelHeight * plan.kernelWidth;
  const results = rows * plan.outWidth;
  for (let first = 0; first < plan.channels; first += plan.blockChannels) {
    const channels = min(plan.channels - first, plan.blockChannels);
    makeImage(plan, x + (<usize>(first * plan.height * plan.width) << 2), channels, firstOut, scratch + plan.image, false);
    listTerms(plan, channels, scratch);
    const block = weights + (<usize>(plan.strips * first * taps) << 5);
    for (let row = 0; row < rows; row++) convolveRow(plan, block, channels, firstOut + row, row, results, first == 0, scratch);
  }
  const plane = plan.outHeight * plan.outWidth;
  for (let strip = 0; strip < plan.strips; strip++) {
    const from = scratch + plan.sums + (<usize>(strip * results) << 5);
    const to = out + (<usize>(strip * 8 * plane + firstOut * plan.outWidth) << 2);
    const planes = min(8, plan.results - strip * 8);
    if (results >= 4) toPlanes(from, to, <usize>plane << 2, planes, results);
    else transpose(from, 8, to, plane, planes, results);
  }
}

/** Copies up to 8 channels of `n` >= 4 results to their planes, four results at a time. The last four results may overlap earlier ones. */
function toPlanes(from: usize, to: usize, plane: usize, planes: i32, n: i32): void {
  for (let next = 0; next < n; next += 4) {
    const i = <usize>min(next, n - 4);
    toPlanes4(from + (i << 5), to + (i << 2), plane, planes);
    if (planes > 4) toPlanes4(from + (i << 5) + 16, to + (i << 2) + 4 * plane, plane, planes - 4);
  }
}

/** Copies four results of at most four planes. */
// @ts-ignore: decorator
@inline
function toPlanes4(from: usize, to: usize, plane: usize, planes: i32): void {
  const a = v128.load(from);
  const b = v128.load(from, 32);
  const c = v128.load(from, 64);
  const d = v128.load(from, 96);
  const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lowCD = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<f32>(lowAB, lowCD, 0, 1, 4, 5));
  if (planes > 1) v128.store(to + plane, v128.shuffle<f32>(lowAB, lowCD, 2, 3, 6, 7));
  if (planes <= 2) return;
  const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const highCD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to + 2 * plane, v128.shuffle<f32>(highAB, highCD, 0, 1, 4, 5));
  if (planes > 3) v128.store(to + 3 * plane, v128.shuffle<f32>(highAB, highCD, 2, 3, 6, 7));
}

function convolveRow(
  plan: ConvPlan,
  weights: usize,
  channels: i32,
  outRow: i32,
  row: i32,
  results: i32,
  isFirst: bool,
  scratch: usize,
): void {
  // The kernel's rows that read at least one row of the input.
  const line = outRow * plan.strideHeight;
  const end = plan.top + (plan.height - 1) * plan.stretchHeight + 1;
  const firstTap = line >= plan.top ? 0 : min(plan.kernelHeight, (plan.top - line + plan.dilationHeight - 1) / plan.dilationHeight);
  const lastTap = line >= end ? 0 : min(plan.kernelHeight, (end - 1 - line) / plan.dilationHeight + 1);
  const perTap = channels * plan.kernelWidth;
  const skipped = firstTap * perTap;
  const terms = max(0, lastTap - firstTap) * perTap;
  const offsets = scratch + plan.offsets + (<usize>skipped << 2);
  const image = scratch + plan.image + <usize>(row * plan.strideHeight) * plan.lineBytes;
  const stripBytes = <usize>(plan.kernelHeight * perTap) << 5;
  const tiles = tilesOf(plan.outWidth);
  for (let i = 0; i < tiles; i++) {
    const column = firstRow(plan.outWidth, tiles, i);
    const columns = firstRow(plan.outWidth, tiles, i + 1) - column;
    let sums = scratch + plan.sums + (<usize>(row * plan.outWidth + column) << 5);
    let from = scratch + plan.bias;
    let block = weights + (<usize>skipped << 5);
    for (let strip = 0; strip < plan.strips; strip++) {
      listedTile(columns, image + (<usize>column << 4), offsets, block, terms, isFirst ? from : sums, isFirst ? 0 : 32, sums);
      sums += <usize>results << 5;
      from += 32;
      block += stripBytes;
    }
  }
}

/** Returns the number of parts of the batch. Each part has its own sums for the weight's gradient: `packedBytes` bytes. */
export function weightParts(geometry: usize): i32 {
  return planOf(geometry).parts;
}

/**
 * Computes each part's share of the weight's gradient and stores it in `sums`. g is the result's gradient. Units are the parts of the
 * batch.
 */
export function conv2dBackwardWeight(g: usize, x: usize, sums: usize, geometry: usize, scratch: usize, from: i32, to: i32): void {
  const sizes = changetype<ConvSizes>(geometry);
  const plan = planOf(geometry);
  const groups = sizes.groups;
  const imageBytes = <usize>(plan.channels * plan.height * plan.width) << 2;
  const gBytes = <usize>(plan.results * plan.outHeight * plan.outWidth) << 2;
  const weightBytes = <usize>(plan.strips * plan.depth) << 5;
  scratch = ownScratch(scratch, plan.bytes);
  clearImage(plan, scratch);
  listResults(plan, scratch + plan.positions);
  // If the last strip has fewer than 8 channels, its unused lanes stay 0.
  memory.fill(scratch + plan.sums, 0, <usize>(plan.strips * plan.bandRows * plan.outWidth) << 5);
  for (let part = from; part < to; part++) {
    const ofPart = sums + (<usize>(part * plan.packed) << 2);
    memory.fill(ofPart, 0, <usize>plan.packed << 2);
    const end = (sizes.batch * (part + 1)) / plan.parts;
    for (let n = (sizes.batch * part) / plan.parts; n < end; n++) {
      for (let group = 0; group < groups; group++) {
        const image = <usize>(n * groups + group);
        for (let row = 0; row < plan.outHeight; row += plan.bandRows) {
          correlateBand(plan, g + image * gBytes, x + image * imageBytes, row, ofPart + <usize>group * weightBytes, scratch);
        }
      }
    }
  }
}

/** Adds the sums of the second and all later parts, in order, to the sums of the first part. Units are blocks (blocks.ts) of the sums. */
export function addParts(sums: usize, geometry: usize, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const partBytes = <usize>plan.packed << 2;
  sums += blockStart(from);
  for (let n = blockElements(plan.packed, from, to); n > 0; n -= 4) {
    let total = v128.load(sums);
    for (let part = 1; part < plan.parts; part++) total = f32x4.add(total, v128.load(sums + <usize>part * partBytes));
    v128.store(sums, total);
    sums += 16;
  }
}

/** Adds the terms of a band of one image's group to the weight's gradient, which has the layout of packed weights. */
function correlateBand(plan: ConvPlan, g: usize, x: usize, firstOut: i32, weights: usize, scratch: usize): void {
  const rows = min(plan.bandRows, plan.outHeight - firstOut);
  const results = rows * plan.outWidth;
  const plane = plan.outHeight * plan.outWidth;
  for (let strip = 0; strip < plan.strips; strip++) {
    const from = g + (<usize>(strip * 8 * plane + firstOut * plan.outWidth) << 2);
    transpose(from, plane, scratch + plan.sums + (<usize>(strip * results) << 5), 8, results, min(8, plan.results - strip * 8));
  }
  for (let first = 0; first < plan.channels; first += plan.blockChannels) {
    const channels = min(plan.channels - first, plan.blockChannels);
    makeImage(plan, x + (<usize>(first * plan.height * plan.width) << 2), channels, firstOut, scratch + plan.image, true);
    listTerms(plan, channels, scratch);
    const terms = channels * plan.kernelHeight * plan.kernelWidth;
    const tiles = tilesOf(terms);
    for (let strip = 0; strip < plan.strips; strip++) {
      const b = scratch + plan.sums + (<usize>(strip * results) << 5);
      for (let i = 0; i < tiles; i++) {
        const term = firstRow(terms, tiles, i);
        const taken = firstRow(terms, tiles, i + 1) - term;
        const offsets = scratch + plan.offsets + (<usize>term << 2);
        walkedTile(taken, scratch + plan.image, offsets, scratch + plan.positions, b, results, weights + (<usize>term << 5));
      }
      weights += <usize>terms << 5;
    }
  }
}

/** Copies the summed gradient to dw. `sums` has the layout of packed weights for the result. Units: see packUnits. */
export function unpackConv2d(sums: usize, dw: usize, geometry: usize, from: i32, to: i32): void {
  const plan = planOf(geometry);
  const taps = plan.kernelHeight * plan.kernelWidth;
  for (let unit = from; unit < to; unit++) {
    const group = unit / plan.strips;
    const strip = unit - group * plan.strips;
    const lanes = min(8, plan.results - strip * 8);
    const ofStrip = dw + (<usize>((group * plan.results + strip * 8) * plan.depth) << 2);
    for (let first = 0; first < plan.channels; first += plan.blockChannels) {
      const channels = min(plan.channels - first, plan.blockChannels);
      let at = sums + (<usize>((group * plan.depth + first * taps) * plan.strips + strip * channels * taps) << 5);
      for (let kh = 0; kh < plan.kernelHeight; kh++) {
        for (let c = 0; c < channels; c++) {
          for (let kw = 0; kw < plan.kernelWidth; kw++) {
            const term = (first + c) * taps + kh * plan.kernelWidth + kw;
            for (let lane = 0; lane < lanes; lane++) {
              store<f32>(ofStrip + (<usize>(lane * plan.depth + term) << 2), load<f32>(at + (<usize>lane << 2)));
            }
            at += 32;
          }
        }
      }
    }
  }
}
