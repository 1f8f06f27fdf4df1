// Convolutions with their rectifier and pooling on the wasm backend: brings them to their kernels (packages/engine/kernels/src:
// directConv.ts, tiledConv.ts, pooledBackward.ts), with the scratch memory that those need. When is pooledVariant.ts's.
import type { ConvGeometry, FloatArray } from '../backend.ts';
import { writeConvSizes } from './geometry.ts';
import { FIRST_RECORDS } from './wasmMemory.ts';
import { WasmWinograd } from './wasmWinograd.ts';

/** Runs of images that have gradient sums of their own: as many for each of 2, 3, 4 or 6 threads, few enough to add up. */
const MOST_RUNS = 12;

const CONV_SIZES_BYTES = 16 * 4;

const operationsOf = ({ batch, inChannels, outChannels, outHeight, outWidth, kernelHeight, kernelWidth }: ConvGeometry): number =>
  batch * inChannels * outChannels * outHeight * outWidth * kernelHeight * kernelWidth;

export class WasmPooledConv extends WasmWinograd {
  protected directConvReluPool(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array,
    geometry: ConvGeometry,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#sizes(geometry);
    const packed = this.scratch(kernels.directConvWeights(sizes));
    kernels.packDirectConv(this.read(weight), bias === null ? 0 : this.read(bias), packed, sizes);
    const bytes = kernels.directConvScratch(sizes);
    const own = this.scratchOfEach(bytes);
    const from = this.read(x);
    const to = this.write(out);
    const at = this.write(indices);
    parallel.directConvReluPool(from, packed, to, at, sizes, own, bytes, geometry.batch, operationsOf(geometry));
    this.finish();
  }

  protected tiledConvReluPool(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array,
    geometry: ConvGeometry,
  ): void {
    const { kernels, parallel } = this;
    const sizes = this.#sizes(geometry);
    const packed = this.scratch(kernels.tiledConvWeights(sizes));
    kernels.packTiledConv(this.read(weight), bias === null ? 0 : this.read(bias), packed, sizes);
    const bytes = kernels.tiledConvScratch(sizes, sizes + CONV_SIZES_BYTES);
    const own = this.scratchOfEach(bytes);
    const from = this.read(x);
    const to = this.write(out);
    const at = this.write(indices);
    parallel.tiledConvReluPool(from, packed, to, at, sizes, own, bytes, geometry.batch, operationsOf(geometry));
    this.finish();
  }

  protected sparseConvBackward(
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
    const { kernels, parallel } = this;
    const sizes = this.#sizes(geometry);
    const room = sizes + CONV_SIZES_BYTES;
    const sumBytes = kernels.pooledBackwardSums(sizes, room);
    const packed = dx === null ? 0 : this.scratch(kernels.packedWindows(sizes));
    if (dx !== null) kernels.packWindows(this.read(weight), packed, sizes);
    const { batch, outChannels } = geometry;
    const runs = Math.min(batch, MOST_RUNS);
    const sums = this.scratch(runs * sumBytes);
    const bytes = kernels.pooledBackwardScratch(sizes, room);
    const own = this.scratchOfEach(bytes);
    const ofG = this.read(g);
    const ofY = this.read(y);
    const at = this.read(indices);
    const ofX = this.read(x);
    const to = dx === null ? 0 : this.write(dx);
    // About an eighth of all positions, for one gradient or both.
    const operations = (operationsOf(geometry) / 8) * (dx === null ? 1 : 2);
    parallel.convReluPoolBackward(ofG, ofY, at, ofX, packed, to, sums, sumBytes, runs, sizes, own, bytes, runs, operations);
    if (dw !== null || db !== null) {
      const toW = dw === null ? 0 : this.write(dw);
      const toB = db === null ? 0 : this.write(db);
      parallel.pooledBackwardTotal(sums, sumBytes, runs, toW, toB, sizes, outChannels, (runs * sumBytes) / 4);
    }
    this.finish();
  }

  #sizes(geometry: ConvGeometry): number {
    writeConvSizes(this.parameters, FIRST_RECORDS, geometry);
    return this.parametersAddress + FIRST_RECORDS * 4;
  }
}
