// The kernels of single layers on the wasm backend: each call to its kernel.
import type { FloatArray } from '../backend.ts';
import { type ActivationOp, activationOps, type ChannelLayout, type LayerKernels } from '../layerKernels.ts';
import { WasmOptimizers } from './wasmOptimizers.ts';

// The kernels number activations as the contract's list does.
const activationNumbers = Object.fromEntries(activationOps.map((op, number) => [op, number])) as Record<ActivationOp, number>;

export class WasmLayers extends WasmOptimizers implements LayerKernels {
  activation(op: ActivationOp, x: FloatArray, out: FloatArray, a: number, b: number): void {
    const { length } = out;
    const units = this.kernels.blocksOf(length);
    this.parallel.activation(activationNumbers[op], this.read(x), this.write(out), length, a, b, units, length);
    this.finish();
  }

  activationBackward(op: ActivationOp, g: FloatArray, x: FloatArray, dx: FloatArray, a: number, b: number): void {
    const { length } = dx;
    const units = this.kernels.blocksOf(length);
    this.parallel.activationBackward(activationNumbers[op], this.read(g), this.read(x), this.write(dx), length, a, b, units, length);
    this.finish();
  }

  channelMoments(x: FloatArray, mean: FloatArray, variance: FloatArray, { outer, channels, inner }: ChannelLayout): void {
    this.parallel.channelMoments(this.read(x), this.write(mean), this.write(variance), outer, channels, inner, channels, x.length);
    this.finish();
  }

  channelProducts(g: FloatArray, x: FloatArray, mean: FloatArray, sums: FloatArray, products: FloatArray, layout: ChannelLayout): void {
    const { outer, channels, inner } = layout;
    const ofG = this.read(g);
    const ofX = this.read(x);
    const center = this.read(mean);
    const ofSums = this.write(sums);
    const ofProducts = this.write(products);
    this.parallel.channelProducts(ofG, ofX, center, ofSums, ofProducts, outer, channels, inner, channels, x.length);
    this.finish();
  }

  channelScale(x: FloatArray, mean: FloatArray, scale: FloatArray, shift: FloatArray, out: FloatArray, layout: ChannelLayout): void {
    const { outer, channels, inner } = layout;
    const from = this.read(x);
    const center = this.read(mean);
    const factor = this.read(scale);
    const offset = this.read(shift);
    this.parallel.channelScale(from, center, factor, offset, this.write(out), channels, inner, outer * channels, x.length);
    this.finish();
  }

  channelCombine(
    g: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    gFactor: FloatArray,
    xFactor: FloatArray,
    shift: FloatArray,
    dx: FloatArray,
    { outer, channels, inner }: ChannelLayout,
  ): void {
    const ofG = this.read(g);
    const ofX = this.read(x);
    const center = this.read(mean);
    const first = this.read(gFactor);
    const second = this.read(xFactor);
    const offset = this.read(shift);
    const rows = outer * channels;
    this.parallel.channelCombine(ofG, ofX, center, first, second, offset, this.write(dx), channels, inner, rows, x.length);
    this.finish();
  }
}
