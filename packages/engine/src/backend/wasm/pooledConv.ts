// Convolutions with relu and max-pooling in one kernel on the wasm backend (packages/engine/kernels/src: directConv.ts, tiledConv.ts and
// pooledBackward.ts), with the scratch memory that their kernels need. pooledVariant.ts chooses when they are used.
import { convSizes } from '../definitions.ts';
import type { ConvGeometry, FloatArray } from '../types.ts';
import type { WasmContext } from './context.ts';
import { convOperations } from './convolutions.ts';

/**
 * The most runs that a batch is divided into. A run is a sequence of images with its own sums of gradients. 12 runs divide evenly among 2,
 * 3, 4 or 6 threads, and adding 12 sums takes little time.
 */
const MOST_RUNS = 12;

/** Bytes of a convolution's sizes. Kernels write their plan after them. */
const SIZES_BYTES = 4 * convSizes.length;

/** Computes a convolution with relu and max-pooling by the kernel `direct` (for few input channels) or `tiled` (for more). */
export function convReluPool(
  variant: 'direct' | 'tiled',
  { memory, parameters, kernels, parallel }: WasmContext,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  indices: Int32Array,
  geometry: ConvGeometry,
): void {
  const isDirect = variant === 'direct';
  const sizes = parameters.convSizes(geometry);
  const packed = memory.scratch(isDirect ? kernels.directConvWeights(sizes) : kernels.tiledConvWeights(sizes));
  const ofWeight = memory.read(weight);
  const ofBias = bias === null ? 0 : memory.read(bias);
  if (isDirect) kernels.packDirectConv(ofWeight, ofBias, packed, sizes);
  else kernels.packTiledConv(ofWeight, ofBias, packed, sizes);
  const bytes = isDirect ? kernels.directConvScratch(sizes) : kernels.tiledConvScratch(sizes, sizes + SIZES_BYTES);
  const own = memory.scratchOfEach(bytes);
  const from = memory.read(x);
  const to = memory.write(out);
  const at = memory.write(indices);
  const operations = convOperations(geometry);
  if (isDirect) parallel.directConvReluPool(from, packed, to, at, sizes, own, bytes, geometry.batch, operations);
  else parallel.tiledConvReluPool(from, packed, to, at, sizes, own, bytes, geometry.batch, operations);
  memory.finish();
}

/**
 * Computes the gradients of a pooled convolution from the positions where the result's gradient is not 0. A gradient that is null is not
 * computed.
 */
export function sparseConvBackward(
  { memory, parameters, kernels, parallel }: WasmContext,
  g: FloatArray,
  y: FloatArray,
  indices: Int32Array,
  x: FloatArray,
  weight: FloatArray,
  dx: FloatArray | null,
  dw: FloatArray | null,
  db: FloatArray | null,
  geometry: ConvGeometry,
): void {
  const sizes = parameters.convSizes(geometry);
  const room = sizes + SIZES_BYTES;
  const sumBytes = kernels.pooledBackwardSums(sizes, room);
  const packed = dx === null ? 0 : memory.scratch(kernels.packedWindows(sizes));
  if (dx !== null) kernels.packWindows(memory.read(weight), packed, sizes);
  const { batch, outChannels } = geometry;
  const runs = Math.min(batch, MOST_RUNS);
  const sums = memory.scratch(runs * sumBytes);
  const bytes = kernels.pooledBackwardScratch(sizes, room);
  const own = memory.scratchOfEach(bytes);
  const ofG = memory.read(g);
  const ofY = memory.read(y);
  const at = memory.read(indices);
  const ofX = memory.read(x);
  const to = dx === null ? 0 : memory.write(dx);
  // About an eighth of all positions are visited, twice if dx is wanted.
  const operations = (convOperations(geometry) / 8) * (dx === null ? 1 : 2);
  parallel.convReluPoolBackward(ofG, ofY, at, ofX, packed, to, sums, sumBytes, runs, sizes, own, bytes, runs, operations);
  if (dw !== null || db !== null) {
    const toW = dw === null ? 0 : memory.write(dw);
    const toB = db === null ? 0 : memory.write(db);
    parallel.pooledBackwardTotal(sums, sumBytes, runs, toW, toB, sizes, outChannels, (runs * sumBytes) / 4);
  }
  memory.finish();
}
