// Winograd convolutions of the wasm backend: brings them to their kernels (packages/engine/kernels/src/winograd.ts), with
// the scratch memory that those need. When they are used is convVariant.ts's.
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
const GRADIENT_OF_WEIGHT = 2;

export class WasmWinograd extends WasmProducts {
  /** out = x convolved with weight, plus bias, and relu of it if `isRelu`. */
  protected winograd(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    geometry: ConvGeometry,
    isRelu: boolean,
  ): void {
    this.#convolve(x, null, weight, bias, out, geometry, isRelu, RESULT);
  }

  /** dx: a convolution of g, where y passed it if there is a y, with the kernels turned around. */
  protected winogradBackwardInput(g: FloatArray, y: FloatArray | null, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void {
    this.#convolve(g, y, weight, null, dx, geometry, false, GRADIENT_OF_INPUT);
  }

  /** dw, and db on the way, of g where y passed it. */
  protected winogradBackwardWeight(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    dw: FloatArray,
    db: FloatArray | null,
    geometry: ConvGeometry,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, GRADIENT_OF_WEIGHT);
    const parts = kernels.winogradParts(sizes);
    const sums = this.scratch(parts * (kernels.winogradPartBytes(sizes) >>> 0));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    const [ofG, passed, ofX] = [this.read(g), y === null ? 0 : this.read(y), this.read(x)];
    parallel.winogradBackwardWeight(ofG, passed, ofX, sums, scratch, sizes, parts, operationsOf(geometry));
    const [toW, toB] = [this.write(dw), db === null ? 0 : this.write(db)];
    parallel.winogradSumWeights(sums, toW, toB, scratch, sizes, kernels.winogradStrips(sizes), 4 * parts * dw.length);
    this.finish();
  }

  #convolve(
    x: FloatArray,
    y: FloatArray | null,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    geometry: ConvGeometry,
    isRelu: boolean,
    purpose: number,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#plan(geometry, purpose);
    const transformed = this.scratch(kernels.winogradWeightBytes(sizes));
    const scratch = this.scratchOfEach(kernels.winogradOwnBytes(sizes));
    parallel.winogradWeights(this.read(weight), transformed, scratch, sizes, purpose, kernels.winogradStrips(sizes), 4 * weight.length);
    const [from, passed] = [this.read(x), y === null ? 0 : this.read(y)];
    const [shift, to] = [bias === null ? 0 : this.read(bias), this.write(out)];
    const blocks = kernels.winogradBlocks(sizes);
    parallel.winograd(from, passed, transformed, shift, to, scratch, sizes, isRelu ? 1 : 0, blocks, operationsOf(geometry));
    this.finish();
  }

  #plan(geometry: ConvGeometry, purpose: number): number {
    writeConvSizes(this.parameters, FIRST_RECORDS, geometry);
    const sizes = this.parametersAddress + FIRST_RECORDS * 4;
    this.kernels.planWinograd(sizes, purpose);
    return sizes;
  }
}
