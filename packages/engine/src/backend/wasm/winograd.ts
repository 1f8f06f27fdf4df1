// Convolutions by Winograd's algorithm on the wasm backend (packages/engine/kernels/src/winograd.ts and winogradBackward.ts), with the
// scratch memory that their kernels need. convVariant.ts chooses when they are used.
import { winogradPurposes } from '../definitions.ts';
import type { ConvGeometry, FloatArray } from '../types.ts';
import type { WasmContext } from './context.ts';
import { numbersOf } from './operationNumbers.ts';

/** The number of each purpose in the kernels. */
const purposes = numbersOf(winogradPurposes);

/** Returns the multiply-adds of a convolution by Winograd's algorithm. */
const operationsOf = ({ batch, inChannels, outChannels, outHeight, outWidth }: ConvGeometry): number =>
  (batch * inChannels * outChannels * outHeight * outWidth * 36) / 16;

/**
 * Computes out = x convolved with weight, plus bias. `isRelu` applies relu to the result. With `indices`, relu and max-pooling with 2 × 2
 * windows follow.
 */
export function winograd(
  { memory, parameters, kernels, parallel }: WasmContext,
  x: FloatArray,
  weight: FloatArray,
  bias: FloatArray | null,
  out: FloatArray,
  indices: Int32Array | null,
  geometry: ConvGeometry,
  isRelu: boolean,
): void {
  const sizes = parameters.convSizes(geometry);
  kernels.planWinograd(sizes, purposes.result);
  const transformed = memory.scratch(kernels.winogradWeightBytes(sizes));
  const scratch = memory.scratchOfEach(kernels.winogradOwnBytes(sizes));
  const strips = kernels.winogradStrips(sizes);
  parallel.winogradWeights(memory.read(weight), transformed, scratch, sizes, 0, strips, 4 * weight.length);
  const from = memory.read(x);
  const shift = bias === null ? 0 : memory.read(bias);
  const to = memory.write(out);
  const at = indices === null ? 0 : memory.write(indices);
  const blocks = kernels.winogradBlocks(sizes);
  parallel.winograd(from, transformed, shift, to, at, scratch, sizes, isRelu ? 1 : 0, blocks, operationsOf(geometry));
  memory.finish();
}

/**
 * Computes the gradients dx, dw and db from g, the gradient of the result. A gradient that is null is not computed, and db is computed only
 * if dw is not null. y is relu's result, or null without relu; where y is 0, g is ignored. With `indices`, g and y belong to the pooled
 * result.
 */
export function winogradBackward(
  { memory, parameters, kernels, parallel }: WasmContext,
  g: FloatArray,
  y: FloatArray | null,
  indices: Int32Array | null,
  x: FloatArray | null,
  weight: FloatArray | null,
  dx: FloatArray | null,
  dw: FloatArray | null,
  db: FloatArray | null,
  geometry: ConvGeometry,
): void {
  const sizes = parameters.convSizes(geometry);
  kernels.planWinograd(sizes, dw === null ? purposes.gradientOfInput : purposes.gradients);
  const parts = kernels.winogradParts(sizes);
  const sums = dw === null ? 0 : memory.scratch(parts * (kernels.winogradPartBytes(sizes) >>> 0));
  const turned = dx === null ? 0 : memory.scratch(kernels.winogradTurnedBytes(sizes));
  const scratch = memory.scratchOfEach(kernels.winogradOwnBytes(sizes));
  if (weight !== null && dx !== null) {
    const strips = kernels.winogradTurnedStrips(sizes);
    parallel.winogradWeights(memory.read(weight), turned, scratch, sizes, 1, strips, 4 * weight.length);
  }
  const ofG = memory.read(g);
  const passed = y === null ? 0 : memory.read(y);
  const at = indices === null ? 0 : memory.read(indices);
  const ofX = x === null ? 0 : memory.read(x);
  const to = dx === null ? 0 : memory.write(dx);
  const operations = operationsOf(geometry) * (dx === null || dw === null ? 1 : 2);
  parallel.winogradBackward(ofG, passed, at, ofX, turned, to, sums, scratch, sizes, parts, operations);
  if (dw !== null) {
    const toW = memory.write(dw);
    const toB = db === null ? 0 : memory.write(db);
    parallel.winogradSumWeights(sums, toW, toB, scratch, sizes, kernels.winogradStrips(sizes), 4 * parts * dw.length);
  }
  memory.finish();
}
