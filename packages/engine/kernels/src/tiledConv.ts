// Convolution of stride 1, relu and 2 × 2 max-pooling in one kernel, for many output channels. As in conv2d.ts, a tile is 5 columns × 8
// output channels and reads an image of repeated elements. The channels are pooled lane by lane before they are written to planes. Each sum
// starts with the bias and adds its terms in the order of kernel row, channel and kernel column.
import { transpose } from './broadcast';
import { ConvSizes } from './definitions.generated';
import { lines, ownScratch } from './memory';
import { poolLanes } from './poolLanes';
import { firstRow, listedTile, tilesOf } from './tile';

/** Offsets in a thread's scratch memory, and sizes. */
@unmanaged
class TiledPlan {
  width: i32;
  /** Bytes of a line and of a plane of the image. */
  line: usize;
  plane: usize;
  terms: i32;
  strips: i32;
  offsets: usize;
  /** The offset of the sums of two rows of results. */
  sums: usize;
  /** Offsets of the pooled results, and of their positions, for 8 channels. */
  pooled: usize;
  positions: usize;
  image: usize;
  bytes: usize;
}

function makePlan(sizes: ConvSizes, plan: TiledPlan): void {
  plan.width = max(sizes.width + sizes.padLeft, sizes.outWidth + sizes.kernelWidth - 1);
  const height = max(sizes.height + sizes.padTop, sizes.outHeight + sizes.kernelHeight - 1);
  plan.line = <usize>plan.width << 4;
  plan.plane = plan.line * <usize>height + 64;
  plan.terms = sizes.inChannels * sizes.kernelHeight * sizes.kernelWidth;
  plan.strips = (sizes.outChannels + 7) / 8;
  const windows = <usize>((sizes.outHeight >> 1) * (sizes.outWidth >> 1));
  plan.offsets = lines(offsetof<TiledPlan>());
  plan.sums = plan.offsets + lines(<usize>plan.terms << 2);
  plan.pooled = plan.sums + lines(<usize>sizes.outWidth << 6);
  plan.positions = plan.pooled + lines(windows << 5);
  plan.image = plan.positions + lines(windows << 5);
  plan.bytes = plan.image + lines(<usize>sizes.inChannels * plan.plane);
}

/** Returns the bytes of the packed weights. */
export function tiledConvWeights(geometry: usize): usize {
  const sizes = changetype<ConvSizes>(geometry);
  const terms = sizes.inChannels * sizes.kernelHeight * sizes.kernelWidth;
  return <usize>((sizes.outChannels + 7) / 8) * (<usize>(terms + 1) << 5);
}

/** Returns the bytes of scratch memory of each thread. `room` is the address of memory for a plan. */
export function tiledConvScratch(geometry: usize, room: usize): usize {
  const plan = changetype<TiledPlan>(room);
  makePlan(changetype<ConvSizes>(geometry), plan);
  return plan.bytes;
}

/**
 * Packs weights: for each strip of 8 output channels the biases, then the weights of each term. If the last strip has fewer than 8
 * channels, the rest is 0.
 */
export function packTiledConv(weight: usize, bias: usize, packed: usize, geometry: usize): void {
  const sizes = changetype<ConvSizes>(geometry);
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  const depth = sizes.inChannels * taps;
  for (let strip = 0; strip < sizes.outChannels; strip += 8) {
    const lanes = min(8, sizes.outChannels - strip);
    if (lanes < 8 || bias == 0) memory.fill(packed, 0, <usize>(depth + 1) << 5);
    if (bias != 0) memory.copy(packed, bias + (<usize>strip << 2), <usize>lanes << 2);
    packed += 32;
    for (let kh = 0; kh < sizes.kernelHeight; kh++) {
      for (let c = 0; c < sizes.inChannels; c++) {
        const from = weight + (<usize>(strip * depth + c * taps + kh * sizes.kernelWidth) << 2);
        transpose(from, depth, packed, 8, sizes.kernelWidth, lanes);
        packed += <usize>sizes.kernelWidth << 5;
      }
    }
  }
}

/** Computes the pooled images (`out`) and the position of each maximum in the convolution's plane (`indices`). Units are images. */
export function tiledConvReluPool(
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
  const own = ownScratch(scratch, scratchBytes);
  const plan = changetype<TiledPlan>(own);
  makePlan(sizes, plan);
  memory.fill(own + plan.image, 0, <usize>sizes.inChannels * plan.plane);
  listTerms(sizes, plan, own + plan.offsets);
  const inBytes = <usize>(sizes.inChannels * sizes.height * sizes.width) << 2;
  const outBytes = <usize>(sizes.outChannels * (sizes.outHeight >> 1) * (sizes.outWidth >> 1)) << 2;
  for (let n = from; n < to; n++) {
    repeatImage(sizes, plan, x + <usize>n * inBytes, own + plan.image);
    convolveImage(sizes, plan, packed, out + <usize>n * outBytes, indices + <usize>n * outBytes, own);
  }
}

function listTerms(sizes: ConvSizes, plan: TiledPlan, offsets: usize): void {
  for (let kh = 0; kh < sizes.kernelHeight; kh++) {
    for (let c = 0; c < sizes.inChannels; c++) {
      const start = <usize>c * plan.plane + <usize>kh * plan.line;
      for (let kw = 0; kw < sizes.kernelWidth; kw++) {
        store<u32>(offsets, <u32>(start + (<usize>kw << 4)));
        offsets += 4;
      }
    }
  }
}

/** Fills the image: each vector holds one element of x, four times. The padding around the elements stays 0. */
function repeatImage(sizes: ConvSizes, plan: TiledPlan, x: usize, image: usize): void {
  for (let c = 0; c < sizes.inChannels; c++) {
    let line = image + <usize>c * plan.plane + <usize>sizes.padTop * plan.line + (<usize>sizes.padLeft << 4);
    for (let row = 0; row < sizes.height; row++) {
      let slot = line;
      for (const end = x + (<usize>sizes.width << 2); x < end; x += 4) {
        v128.store(slot, v128.load32_splat(x));
        slot += 16;
      }
      line += plan.line;
    }
  }
}

function convolveImage(sizes: ConvSizes, plan: TiledPlan, packed: usize, out: usize, indices: usize, own: usize): void {
  const windowRows = sizes.outHeight >> 1;
  const windows = sizes.outWidth >> 1;
  const area = windowRows * windows;
  const columns = 2 * windows;
  const tiles = tilesOf(columns);
  const rowBytes = <usize>sizes.outWidth << 5;
  const stripBytes = <usize>(plan.terms + 1) << 5;
  for (let strip = 0; strip < plan.strips; strip++) {
    for (let row = 0; row < 2 * windowRows; row++) {
      const image = own + plan.image + <usize>row * plan.line;
      const sums = own + plan.sums + (row & 1 ? rowBytes : 0);
      for (let i = 0; i < tiles; i++) {
        const column = firstRow(columns, tiles, i);
        const taken = firstRow(columns, tiles, i + 1) - column;
        const at = <usize>column;
        listedTile(taken, image + (at << 4), own + plan.offsets, packed + 32, plan.terms, packed, 0, sums + (at << 5));
      }
      if (row & 1) poolRows(sizes, row >> 1, own + plan.sums, rowBytes, own + plan.pooled, own + plan.positions);
    }
    const planes = min(8, sizes.outChannels - strip * 8);
    const skipped = <usize>(strip * 8 * area) << 2;
    transpose(own + plan.pooled, 8, out + skipped, area, planes, area);
    transpose(own + plan.positions, 8, indices + skipped, area, planes, area);
    packed += stripBytes;
  }
}

/** Pools two rows of results, of 8 channels each, into one row. */
function poolRows(sizes: ConvSizes, row: i32, sums: usize, rowBytes: usize, pooled: usize, positions: usize): void {
  const windows = sizes.outWidth >> 1;
  const skipped = <usize>(row * windows) << 5;
  pooled += skipped;
  positions += skipped;
  let position = 2 * row * sizes.outWidth;
  for (let i = 0; i < windows; i++) {
    const lower = sums + rowBytes;
    const at = i32x4.splat(position);
    poolLanes(v128.load(sums), v128.load(sums, 32), v128.load(lower), v128.load(lower, 32), at, sizes.outWidth, pooled, positions);
    poolLanes(
      v128.load(sums, 16),
      v128.load(sums, 48),
      v128.load(lower, 16),
      v128.load(lower, 48),
      at,
      sizes.outWidth,
      pooled + 16,
      positions + 16,
    );
    sums += 64;
    pooled += 32;
    positions += 32;
    position += 2;
  }
}
