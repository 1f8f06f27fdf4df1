// The default backend: SIMD kernels in WebAssembly, float32 only. This file chooses among the kernels of convolutions and brings
// pooling and softmax to theirs; what it extends does so for the rest of the contract, part by part, down to the memory in
// wasmMemory.ts. The kernels themselves are in packages/engine/kernels.
import { checkOptions } from '../../argumentChecks.ts';
import type { Backend, ConvGeometry, FloatArray, PoolGeometry } from '../backend.ts';
import { composedConv2dBackward, composedConv2dRelu, composedConv2dReluPool, composedConv2dReluPoolBackward } from '../composed.ts';
import { type ConvVariant, convVariant } from './convVariant.ts';
import { writeConvSizes, writePoolSizes } from './geometry.ts';
import { FIRST_RECORDS, type WasmOptions } from './wasmMemory.ts';
import { type PooledChoice, pooledBackward, pooledForward } from './pooledVariant.ts';
import { WasmPooledConv } from './wasmPooledConv.ts';

export type { WasmOptions } from './wasmMemory.ts';

const planesOf = ({ batch, inChannels }: ConvGeometry): number => batch * inChannels;

/** Multiply-adds of a convolution. */
const convOperations = ({ batch, inChannels, outChannels, groups, outHeight, outWidth, kernelHeight, kernelWidth }: ConvGeometry): number =>
  batch * outChannels * outHeight * outWidth * (inChannels / groups) * kernelHeight * kernelWidth;

export interface WasmBackendOptions extends WasmOptions {
  /** How convolutions are computed wherever it applies, for tests: by default their shapes decide. */
  readonly convVariant?: ConvVariant;
  /** The same for convolutions with their rectifier and pooling. */
  readonly pooled?: PooledChoice;
}

export class WasmBackend extends WasmPooledConv implements Backend {
  readonly name = 'wasm';
  readonly dtype = 'float32';
  readonly #convVariant: ConvVariant | null;
  readonly #pooled: PooledChoice;

  /** @throws EngineError `outOfMemory` when there is no address space for its memory. */
  constructor(options: WasmBackendOptions = {}) {
    checkOptions('WasmBackend', options, ['threads', 'maximumBytes', 'kernels', 'convVariant', 'pooled']);
    super(options);
    this.#convVariant = options.convVariant ?? null;
    this.#pooled = options.pooled ?? {};
  }

  conv2d(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void {
    const variant = convVariant(geometry, this.#convVariant);
    if (variant === 'winograd') {
      this.winograd(x, weight, bias, out, null, geometry, false);
      return;
    }
    const sizes = this.#convSizes(geometry);
    if (variant === 'depthwise') {
      const scratch = this.scratchOfEach(this.kernels.planDepthwise(sizes));
      const from = this.read(x);
      const factor = this.read(weight);
      const offset = bias === null ? 0 : this.read(bias);
      const to = this.write(out);
      this.parallel.depthwise(from, factor, offset, to, sizes, scratch, planesOf(geometry), convOperations(geometry));
    } else {
      const scratch = this.scratchOfEach(this.kernels.planConv2d(sizes));
      this.#convolve(x, weight, bias, out, geometry, scratch, false);
    }
    this.finish();
  }

  conv2dBackwardInput(g: FloatArray, weight: FloatArray, dx: FloatArray, geometry: ConvGeometry): void {
    const variant = convVariant(geometry, this.#convVariant);
    if (variant === 'winograd') {
      this.winogradBackward(g, null, null, null, weight, dx, null, null, geometry);
      return;
    }
    const sizes = this.#convSizes(geometry);
    if (variant === 'depthwise') {
      const scratch = this.scratchOfEach(this.kernels.planDepthwise(sizes));
      const from = this.read(g);
      const factor = this.read(weight);
      const to = this.write(dx);
      this.parallel.depthwiseBackwardInput(from, factor, to, sizes, scratch, planesOf(geometry), convOperations(geometry));
    } else {
      const scratch = this.scratchOfEach(this.kernels.planConv2dBackwardInput(sizes));
      this.#convolve(g, weight, null, dx, geometry, scratch, true);
    }
    this.finish();
  }

  conv2dBackwardWeight(g: FloatArray, x: FloatArray, dw: FloatArray, geometry: ConvGeometry): void {
    const variant = convVariant(geometry, this.#convVariant);
    if (variant === 'winograd') {
      this.winogradBackward(g, null, null, x, null, null, dw, null, geometry);
      return;
    }
    const sizes = this.#convSizes(geometry);
    if (variant === 'depthwise') {
      const scratch = this.scratchOfEach(this.kernels.planDepthwise(sizes));
      const ofG = this.read(g);
      const ofX = this.read(x);
      const to = this.write(dw);
      this.parallel.depthwiseBackwardWeight(ofG, ofX, to, sizes, scratch, geometry.inChannels, convOperations(geometry));
    } else {
      const scratch = this.scratchOfEach(this.kernels.planConv2d(sizes));
      const bytes = this.kernels.packedBytes(sizes);
      const parts = this.kernels.weightParts(sizes);
      const sums = this.scratch(bytes * parts);
      const ofG = this.read(g);
      const ofX = this.read(x);
      const to = this.write(dw);
      this.parallel.conv2dBackwardWeight(ofG, ofX, sums, sizes, scratch, parts, convOperations(geometry));
      if (parts > 1) this.parallel.addParts(sums, sizes, this.kernels.blocksOf(bytes / 4), (bytes / 4) * parts);
      this.parallel.unpackConv2d(sums, to, sizes, this.kernels.packUnits(sizes), 4 * dw.length);
    }
    this.finish();
  }

  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void {
    if (convVariant(geometry, this.#convVariant) === 'winograd') this.winograd(x, weight, bias, out, null, geometry, true);
    else composedConv2dRelu(this, x, weight, bias, out, geometry);
  }

  conv2dBackward(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    geometry: ConvGeometry,
    mayChangeG = false,
  ): void {
    // A bias's gradient comes with the weight's.
    if (convVariant(geometry, this.#convVariant) === 'winograd' && (dw !== null || db === null)) {
      this.winogradBackward(g, y, null, x, weight, dx, dw, db, geometry);
    } else composedConv2dBackward(this, g, y, x, weight, dx, dw, db, geometry, mayChangeG);
  }

  conv2dReluPool(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array,
    geometry: ConvGeometry,
    pool: PoolGeometry,
  ): void {
    const variant = pooledForward(geometry, pool, convVariant(geometry, this.#convVariant) === 'winograd', this.#pooled.forward);
    if (variant === 'winograd') this.winograd(x, weight, bias, out, indices, geometry, true);
    else if (variant === 'direct') this.directConvReluPool(x, weight, bias, out, indices, geometry);
    else if (variant === 'tiled') this.tiledConvReluPool(x, weight, bias, out, indices, geometry);
    else composedConv2dReluPool(this, x, weight, bias, out, indices, geometry, pool);
  }

  conv2dReluPoolBackward(
    g: FloatArray,
    y: FloatArray,
    indices: Int32Array,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    geometry: ConvGeometry,
    pool: PoolGeometry,
  ): void {
    const isWinograd = convVariant(geometry, this.#convVariant) === 'winograd';
    const variant = pooledBackward(geometry, pool, isWinograd, this.#pooled.backward);
    if (variant === 'winograd' && (dw !== null || db === null)) this.winogradBackward(g, y, indices, x, weight, dx, dw, db, geometry);
    else if (variant === 'sparse') this.sparseConvBackward(g, y, indices, x, weight, dx, dw, db, geometry);
    else composedConv2dReluPoolBackward(this, g, y, indices, x, weight, dx, dw, db, geometry, pool);
  }

  /** What was planned: the result, or (turned) the gradient of x, which is a convolution of the result's. */
  #convolve(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    geometry: ConvGeometry,
    scratch: number,
    isTurned: boolean,
  ): void {
    const sizes = this.words(FIRST_RECORDS);
    const packed = this.scratch(this.kernels.packedBytes(sizes));
    const from = this.read(x);
    const factor = this.read(weight);
    const offset = bias === null ? 0 : this.read(bias);
    const to = this.write(out);
    this.parallel.packConv2d(factor, packed, sizes, Number(isTurned), this.kernels.packUnits(sizes), 4 * weight.length);
    this.parallel.conv2d(from, packed, offset, to, sizes, scratch, geometry.batch, convOperations(geometry));
  }

  maxPool2d(x: FloatArray, out: FloatArray, indices: Int32Array, geometry: PoolGeometry): void {
    const { planes } = geometry;
    this.parallel.maxPool2d(this.read(x), this.write(out), this.write(indices), this.#poolSizes(geometry), planes, x.length);
    this.finish();
  }

  maxPool2dBackward(g: FloatArray, indices: Int32Array, dx: FloatArray, geometry: PoolGeometry): void {
    const { planes } = geometry;
    this.parallel.maxPool2dBackward(this.read(g), this.read(indices), this.write(dx), this.#poolSizes(geometry), planes, dx.length);
    this.finish();
  }

  logSoftmax(x: FloatArray, out: FloatArray, outer: number, size: number, inner: number): void {
    this.parallel.logSoftmax(this.read(x), this.write(out), size, inner, outer, 4 * x.length);
    this.finish();
  }

  logSoftmaxBackward(g: FloatArray, y: FloatArray, dx: FloatArray, outer: number, size: number, inner: number): void {
    this.parallel.logSoftmaxBackward(this.read(g), this.read(y), this.write(dx), size, inner, outer, 4 * g.length);
    this.finish();
  }

  sumOfSquares(x: FloatArray): number {
    const sum = this.kernels.sumOfSquares(this.read(x), x.length);
    this.finish();
    return sum;
  }

  #convSizes(geometry: ConvGeometry): number {
    writeConvSizes(this.parameters, FIRST_RECORDS, geometry);
    return this.words(FIRST_RECORDS);
  }

  #poolSizes(geometry: PoolGeometry): number {
    writePoolSizes(this.parameters, FIRST_RECORDS, geometry);
    return this.words(FIRST_RECORDS);
  }
}
