// Plans a 3 × 3 convolution of stride 1 by Winograd's algorithm. The plan has the tiles of 4 × 4 results, the number of tiles of a block,
// and the sizes of what is in scratch memory. It depends only on the sizes and the purpose.
import { ConvSizes, GRADIENTS, RESULT } from './definitions.generated';

/** Frequencies of a tile: 6 × 6. */
export const FREQUENCIES: usize = 36;
/** The most bytes of a block's transformed tiles, so that they stay in the second-level cache. */
const BLOCK_BYTES = 448 * 1024;
/**
 * The most bytes of a block's transformed tiles for gradients. These blocks are larger, because the weight's gradient is summed over the
 * tiles of a block: longer sums save more time than a smaller block would.
 */
const SUMMED_BLOCK_BYTES = 1000 * 1024;
/** The fewest tiles of a part of the weight's gradient, and the most parts. */
const PART_TILES = 128;
const MOST_PARTS = 4;

/** A plan; steps are in bytes. */
@unmanaged
export class WinogradPlan {
  batch: i32;
  /** The input: each image has `channels` planes of height × width. */
  channels: i32;
  height: i32;
  width: i32;
  /** Rows of padding above the input and columns to its left, 0 to 2. */
  top: i32;
  left: i32;
  /** The results: each image has `results` planes of outHeight × outWidth. */
  results: i32;
  outHeight: i32;
  outWidth: i32;
  /** The number of blocks of 8 output channels, and of 8 input channels. The last block is padded. */
  strips: i32;
  channelStrips: i32;
  tilesDown: i32;
  tilesAcross: i32;
  /** Tiles of all images. */
  tiles: i32;
  blockTiles: i32;
  blocks: i32;
  /** The number of parts of the batch for gradients. A part is a run of whole images with its own sums for the weight's gradient. */
  parts: i32;
  /** Steps of the transformed input: from tile to tile, and from frequency to frequency. */
  channelRow: usize;
  channelStep: usize;
  /** Steps of the transformed results: from tile to tile, and from frequency to frequency. */
  resultRow: usize;
  resultStep: usize;
  /** Steps from frequency to frequency: of weights for results and the weight's gradient, and of weights for the gradient of x. */
  weightStep: usize;
  turnedStep: usize;
  /**
   * Bytes of scratch memory: of the weights for results, of the weights for the gradient of x, of one part's gradients of weight and bias,
   * and of each thread.
   */
  weightBytes: usize;
  turnedBytes: usize;
  partBytes: usize;
  ownBytes: usize;
}

/**
 * Rounds a step up to an odd multiple of 64, so that elements at the same position of different frequencies do not compete for the same
 * cache lines.
 */
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
  // A multiple of 5, because a product handles 5 rows at a time. A block need not be larger than all tiles.
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
  // After the block, there is memory for one tile of four channels between the two passes of its transform. For gradients, there
  // is also memory for the sums of the bias's gradient, and for the values that a tile adds to the tiles to its right and below it: 12
  // vectors for each four channels.
  plan.ownBytes = FREQUENCIES * (plan.channelStep + plan.resultStep + 16);
  if (purpose != RESULT) plan.ownBytes += plan.resultRow + <usize>(plan.tilesAcross + 1) * plan.channelRow * 12;
}
