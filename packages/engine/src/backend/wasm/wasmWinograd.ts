// Winograd convolutions of the wasm backend: brings them to their kernels (packages/engine/kernels/src/winograd.ts and
// winogradBackward.ts), with the scratch memory that those need. When they are used is convVariant.ts's.
import type { ConvGeometry, FloatArray } from '../backend.ts';
import { writeConvSizes } from './geometry.ts';
import { FIRST_RECORDS } from './wasmMemory.ts';
import { WasmProducts } from './wasmProducts.ts';

/** Multiply-adds of a convolution by Winograd's algorithm. */
const operationsOf = ({ batch, inChannels, outChannels, outHeight, outWidth }: ConvGeometry): number =>
  (batch * inChannels * outChannels * outHeight * outWidth * 36) / 16;

/** What a plan is for, as the kernels number it. */
const RESULT = 0;
const GRADIENT_OF_INPUT = 1;
const GRADIENTS = 2;

export class WasmWinograd extends WasmProducts {
  /** out = x convolved with weight, plus bias, and relu of it if `isRelu`; with `indices`, rectified and pooled by 2 × 2 windows. */
  protected winograd(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array | null,
    geometry: ConvGeometry,
    isRelu: boolean,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, RESULT);
    const transformed = this.scratch(kernels.winogradWeightBytes(sizes));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    const strips = kernels.winogradStrips(sizes);
    parallel.winogradWeights(this.read(weight), transformed, scratch, sizes, 0, strips, 4 * weight.length);
    const from = this.read(x);
    const shift = bias === null ? 0 : this.read(bias);
    const to = this.write(out);
    const at = indices === null ? 0 : this.write(indices);
    const blocks = kernels.winogradBlocks(sizes);
    parallel.winograd(from, transformed, shift, to, at, scratch, sizes, isRelu ? 1 : 0, blocks, operationsOf(geometry));
    this.finish();
  }

  /**
   * Of those wanted, dx, dw and, beside dw, db. Of g counts where y, a rectifier's result, is above 0, if there is a y; with
   * `indices`, g and y are pooled ones.
   */
  protected winogradBackward(
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
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, dw === null ? GRADIENT_OF_INPUT : GRADIENTS);
    const parts = kernels.winogradParts(sizes);
    const sums = dw === null ? 0 : this.scratch(parts * (kernels.winogradPartBytes(sizes) >>> 0));
    const turned = dx === null ? 0 : this.scratch(kernels.winogradTurnedBytes(sizes));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    if (weight !== null && dx !== null) {
      const strips = kernels.winogradTurnedStrips(sizes);
      parallel.winogradWeights(this.read(weight), turned, scratch, sizes, 1, strips, 4 * weight.length);
    }
    const ofG = this.read(g);
    const passed = y === null ? 0 : this.read(y);
    const at = indices === null ? 0 : this.read(indices);
    const ofX = x === null ? 0 : this.read(x);
    const to = dx === null ? 0 : this.write(dx);
    const operations = operationsOf(geometry) * (dx === null || dw === null ? 1 : 2);
    parallel.winogradBackward(ofG, passed, at, ofX, turned, to, sums, scratch, sizes, parts, operations);
    if (dw !== null) {
      const toW = this.write(dw);
      const toB = db === null ? 0 : this.write(db);
      parallel.winogradSumWeights(sums, toW, toB, scratch, sizes, kernels.winogradStrips(sizes), 4 * parts * dw.length);
    }
    this.finish();
  }

  #plan(geometry: ConvGeometry, purpose: number): number {
    writeConvSizes(this.parameters, FIRST_RECORDS, geometry);
    const sizes = this.parametersAddress + FIRST_RECORDS * 4;
    this.kernels.planWinograd(sizes, purpose);
    return sizes;
  }
}
