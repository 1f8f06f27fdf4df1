// How a 3 × 3 convolution of stride 1 is cut up for Winograd's algorithm: its tiles of 4 × 4 results, how many of them are
// worked on at a time, and where in the scratch memory each piece lies. It follows from the sizes alone. Nothing is
// computed here.
import { ConvSizes } from './convPlan';

/** Frequencies of a tile: 6 × 6. */
export const FREQUENCIES: usize = 36;
/** What a plan is for: the result, the gradient of x alone, or those of the weight and, beside it, of x. */
export const RESULT = 0;
export const GRADIENT_OF_INPUT = 1;
export const GRADIENTS = 2;
/** Bytes of the transformed tiles of a block, so that they stay in the second-level cache. */
const BLOCK_BYTES = 448 * 1024;
/** The same where products sum over the tiles: longer sums weigh more than the cache. */
const SUMMED_BLOCK_BYTES = 1000 * 1024;
/** Tiles from which the gradient of the weight is summed up in one more part, and the most parts. */
const PART_TILES = 128;
const MOST_PARTS = 4;

/** Steps are in bytes. */
@unmanaged
export class WinogradPlan {
  batch: i32;
  /** The input: so many planes of height × width an image. */
  channels: i32;
  height: i32;
  width: i32;
  /** Zeros above and to the left of it, 0 to 2. */
  top: i32;
  left: i32;
  /** The results: so many planes of outHeight × outWidth an image. */
  results: i32;
  outHeight: i32;
  outWidth: i32;
  /** Blocks of 8 results, and of 8 channels, the last ones padded. */
  strips: i32;
  channelStrips: i32;
  tilesDown: i32;
  tilesAcross: i32;
  /** Of all images. */
  tiles: i32;
  blockTiles: i32;
  blocks: i32;
  /** Parts in which gradients are computed, runs of whole images: each has its own sums of the weight's gradient. */
  parts: i32;
  /** From tile to tile, and from frequency to frequency, of transformed channels. */
  channelRow: usize;
  channelStep: usize;
  /** The same of transformed results. */
  resultRow: usize;
  resultStep: usize;
  /** From frequency to frequency of weights transformed for results, and of their gradients; and of weights for gradients of x. */
  weightStep: usize;
  turnedStep: usize;
  /** The scratch memory that transformed weights need, one part of their gradient and the bias's, and each thread. */
  weightBytes: usize;
  turnedBytes: usize;
  partBytes: usize;
  ownBytes: usize;
}

/** A step that no power of two divides much, so that equal places of all frequencies share no line of the cache. */
// @ts-ignore: decorator
@inline
function apart(bytes: usize): usize {
  return ((bytes + 63) & ~63) | 64;
}

export function planTiles(sizes: ConvSizes, plan: WinogradPlan, purpose: i32): void {
  plan.batch = sizes.batch;
  plan.channels = sizes.inChannels;
  plan.height = sizes.height;
  plan.width = sizes.width;
  plan.top = sizes.padTop;
  plan.left = sizes.padLeft;
  plan.results = sizes.outChannels;
  plan.outHeight = sizes.outHeight;
  plan.outWidth = sizes.outWidth;
  plan.strips = (plan.results + 7) / 8;
  plan.channelStrips = (plan.channels + 7) / 8;
  plan.tilesDown = (plan.outHeight + 3) / 4;
  plan.tilesAcross = (plan.outWidth + 3) / 4;
  plan.tiles = plan.batch * plan.tilesDown * plan.tilesAcross;
  plan.channelRow = <usize>plan.channelStrips << 5;
  plan.resultRow = <usize>plan.strips << 5;
  plan.parts = plan.batch;
  if (purpose == GRADIENTS) plan.parts = max(1, min(min(MOST_PARTS, plan.batch), plan.tiles / PART_TILES));
  // A multiple of the product's five rows, and no more than there are.
  const blockBytes: usize = purpose == RESULT ? BLOCK_BYTES : SUMMED_BLOCK_BYTES;
  const fitting = min(60, <i32>(blockBytes / (FREQUENCIES * (plan.channelRow + plan.resultRow))));
  plan.blockTiles = min(max(10, fitting - (fitting % 5)), ((plan.tiles + 4) / 5) * 5);
  plan.blocks = (plan.tiles + plan.blockTiles - 1) / plan.blockTiles;
  plan.channelStep = apart(<usize>plan.blockTiles * plan.channelRow);
  plan.resultStep = apart(<usize>plan.blockTiles * plan.resultRow);
  plan.weightStep = apart(<usize>plan.channels * plan.resultRow);
  plan.turnedStep = apart(<usize>plan.results * plan.channelRow);
  plan.weightBytes = FREQUENCIES * plan.weightStep;
  plan.turnedBytes = FREQUENCIES * plan.turnedStep;
  plan.partBytes = plan.weightBytes + plan.resultRow;
  // Behind the block: one tile of four channels between the two passes of its transform and, for gradients, the sums of the bias's
  // and what tiles have for those beside and below them, 12 vectors for four channels.
  plan.ownBytes = FREQUENCIES * (plan.channelStep + plan.resultStep + 16);
  if (purpose != RESULT) plan.ownBytes += plan.resultRow + <usize>(plan.tilesAcross + 1) * plan.channelRow * 12;
}
