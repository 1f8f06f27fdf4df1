// Winograd convolutions of the wasm backend: brings them to their kernels (packages/engine/kernels/src/winograd.ts), with
// the scratch memory that those need. When they are used is convVariant.ts's.
import type { ConvGeometry, FloatArray } from '../backend.ts';
import { writeConvSizes } from './geometry.ts';
import { FIRST_RECORDS } from './wasmMemory.ts';
import { WasmMovement } from './wasmMovement.ts';

/** Multiply-adds of a convolution by Winograd's algorithm. */
const operationsOf = ({ batch, inChannels, outChannels, outHeight, outWidth }: ConvGeometry): number =>
  (batch * inChannels * outChannels * outHeight * outWidth * 36) / 16;

export class WasmWinograd extends WasmMovement {
  /** out = x convolved with weight, plus bias, and relu of it if `isRelu`. */
  protected winograd(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    geometry: ConvGeometry,
    isRelu: boolean,
  ): void {
    this.#convolve(x, weight, bias, out, geometry, isRelu, false);
  }

  /** dx: a convolution of g with the kernels turned around. */
  protected winogradBackwardInput(g: FloatArray, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void {
    this.#convolve(g, weight, null, dx, geometry, false, true);
  }

  protected winogradBackwardWeight(g: FloatArray, x: FloatArray, dw: FloatArray, geometry: ConvGeometry): void {
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, false);
    const parts = kernels.winogradParts(sizes);
    const sums = this.scratch(parts * (kernels.winogradWeightBytes(sizes) >>> 0));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    parallel.winogradBackwardWeight(this.read(g), this.read(x), sums, scratch, sizes, parts, operationsOf(geometry));
    parallel.winogradSumWeights(sums, this.write(dw), scratch, sizes, kernels.winogradStrips(sizes), 36 * parts * dw.length);
    this.finish();
  }

  #convolve(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    geometry: ConvGeometry,
    isRelu: boolean,
    isBackward: boolean,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, isBackward);
    const transformed = this.scratch(kernels.winogradWeightBytes(sizes));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    const turned = isBackward ? 1 : 0;
    parallel.winogradWeights(this.read(weight), transformed, scratch, sizes, turned, kernels.winogradStrips(sizes), 36 * weight.length);
    const [from, shift, to] = [this.read(x), bias === null ? 0 : this.read(bias), this.write(out)];
    const blocks = kernels.winogradBlocks(sizes);
    parallel.winograd(from, transformed, shift, to, scratch, sizes, isRelu ? 1 : 0, blocks, operationsOf(geometry));
    this.finish();
  }

  #plan(geometry: ConvGeometry, isBackward: boolean): number {
    writeConvSizes(this.parameters, FIRST_RECORDS, geometry);
    const sizes = this.parametersAddress + FIRST_RECORDS * 4;
    this.kernels.planWinograd(sizes, isBackward);
    return sizes;
  }
}
