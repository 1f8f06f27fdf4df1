// Plans a convolution. The plan has the sizes of the padded image that the convolution reads, the blocks of channels, the bands of rows,
// and the offsets in a thread's scratch memory. It depends only on the sizes. The kernels that use it are in conv2d.ts.
//
// A convolution does not read its input directly. It reads a padded copy, the image, in which each element is repeated (tile.ts). For the
// gradient of a strided convolution, the image also has zeros between its elements. If the stride along the width is more than 1, the
// image's columns are sorted by their remainder modulo the stride, so that neighbouring results always read neighbouring elements.
import { ConvSizes } from './definitions.generated';
import { lines } from './memory';

@unmanaged
export class ConvPlan {
  /** Channels of one group: of the input and of the result. */
  channels: i32;
  results: i32;
  /** The input. In the padded image, its row i is row i * stretchHeight + top, and its column i is column i * stretchWidth + left. */
  height: i32;
  width: i32;
  stretchHeight: i32;
  stretchWidth: i32;
  top: i32;
  left: i32;
  /** The kernel. */
  kernelHeight: i32;
  kernelWidth: i32;
  dilationHeight: i32;
  dilationWidth: i32;
  strideHeight: i32;
  strideWidth: i32;
  outHeight: i32;
  outWidth: i32;
  /** Channels of a block, rows of results in a band, rows of the image for a band. */
  blockChannels: i32;
  bandRows: i32;
  imageRows: i32;
  /** Columns of one remainder in a line of the image. */
  columns: i32;
  /** Bytes from one line of the image to the next, and from one channel to the next. */
  lineBytes: usize;
  planeBytes: usize;
  /** The number of blocks of 8 channels of the result. The last block is padded. */
  strips: i32;
  /** Terms of one result: channels × taps. */
  depth: i32;
  /** Floats of all packed weights. */
  packed: i32;
  /** The number of parts of the batch. Each part has its own sums for the weight's gradient. */
  parts: i32;
  /** Offsets in a thread's scratch memory, and its total bytes. */
  listed: usize;
  image: usize;
  offsets: usize;
  positions: usize;
  bias: usize;
  sums: usize;
  bytes: usize;
}

/** The most parts of a batch, the images of a part, and the most floats of all parts' sums (64 MB). */
const PARTS = 8;
const IMAGES_OF_PART = 2;
const FLOATS_OF_PARTS = 16 * 1024 * 1024;

/** The most terms (channels × taps) of a block of channels. The weights and image lines of such a block fit into the first-level cache. */
const BLOCK_TERMS = 256;
/** The most bytes of a band's image, so that it stays in the second-level cache. */
const IMAGE_BYTES = 256 * 1024;
/**
 * The most results of a band. Their gradients, for 8 channels, stay in the first-level cache while the weight's gradient is computed from
 * them.
 */
const BAND_RESULTS = 1024;

/** Plans the computation of the result, or of the weight's gradient. Both read x. */
export function planForward(sizes: ConvSizes, plan: ConvPlan): void {
  plan.channels = sizes.inChannels / sizes.groups;
  plan.results = sizes.outChannels / sizes.groups;
  plan.height = sizes.height;
  plan.width = sizes.width;
  plan.stretchHeight = 1;
  plan.stretchWidth = 1;
  plan.top = sizes.padTop;
  plan.left = sizes.padLeft;
  plan.strideHeight = sizes.strideHeight;
  plan.strideWidth = sizes.strideWidth;
  plan.outHeight = sizes.outHeight;
  plan.outWidth = sizes.outWidth;
  finishPlan(sizes, plan);
}

/**
 * Plans the computation of the gradient of x. It is a convolution with the kernel turned by 180°. Its input is the result's gradient, with
 * its elements placed a stride apart.
 */
export function planBackwardInput(sizes: ConvSizes, plan: ConvPlan): void {
  plan.channels = sizes.outChannels / sizes.groups;
  plan.results = sizes.inChannels / sizes.groups;
  plan.height = sizes.outHeight;
  plan.width = sizes.outWidth;
  plan.stretchHeight = sizes.strideHeight;
  plan.stretchWidth = sizes.strideWidth;
  plan.top = (sizes.kernelHeight - 1) * sizes.dilationHeight - sizes.padTop;
  plan.left = (sizes.kernelWidth - 1) * sizes.dilationWidth - sizes.padLeft;
  plan.strideHeight = 1;
  plan.strideWidth = 1;
  plan.outHeight = sizes.height;
  plan.outWidth = sizes.width;
  finishPlan(sizes, plan);
}

function finishPlan(sizes: ConvSizes, plan: ConvPlan): void {
  const taps = sizes.kernelHeight * sizes.kernelWidth;
  plan.kernelHeight = sizes.kernelHeight;
  plan.kernelWidth = sizes.kernelWidth;
  plan.dilationHeight = sizes.dilationHeight;
  plan.dilationWidth = sizes.dilationWidth;
  plan.strips = (plan.results + 7) / 8;
  plan.depth = plan.channels * taps;
  const reach = (plan.kernelHeight - 1) * plan.dilationHeight + 1;
  const wholeWidth = (plan.outWidth - 1) * plan.strideWidth + (plan.kernelWidth - 1) * plan.dilationWidth + 1;
  plan.columns = (wholeWidth + plan.strideWidth - 1) / plan.strideWidth;
  plan.lineBytes = <usize>(plan.columns * plan.strideWidth) << 4;
  const mostChannels = max(1, BLOCK_TERMS / taps);
  const blocks = (plan.channels + mostChannels - 1) / mostChannels;
  plan.blockChannels = (plan.channels + blocks - 1) / blocks;
  const linesThatFit = <i32>(<usize>IMAGE_BYTES / (<usize>plan.blockChannels * plan.lineBytes));
  const rowsThatFit = min((linesThatFit - reach) / plan.strideHeight + 1, BAND_RESULTS / plan.outWidth);
  plan.bandRows = max(1, min(plan.outHeight, rowsThatFit));
  plan.imageRows = (plan.bandRows - 1) * plan.strideHeight + reach;
  // 64 more bytes keep planes whose size is a power of two from competing for the same cache lines.
  plan.planeBytes = <usize>plan.imageRows * plan.lineBytes + 64;
  const bandResults = <usize>(plan.bandRows * plan.outWidth);
  plan.packed = (sizes.groups * plan.strips * plan.depth) << 3;
  const wanted = min(PARTS, (sizes.batch + IMAGES_OF_PART - 1) / IMAGES_OF_PART);
  plan.parts = max(1, min(wanted, FLOATS_OF_PARTS / max(1, plan.packed)));
  plan.listed = 0;
  plan.image = 64;
  plan.offsets = plan.image + lines(<usize>plan.blockChannels * plan.planeBytes);
  plan.positions = plan.offsets + lines(<usize>(plan.blockChannels * taps) << 2);
  plan.bias = plan.positions + lines(bandResults << 2);
  plan.sums = plan.bias + lines(<usize>plan.strips << 5);
  plan.bytes = plan.sums + lines((<usize>plan.strips * bandResults) << 5);
}
