// The kernels of single layers on the wasm backend: each call to its kernel.
import type { FloatArray } from '../backend.ts';
import { type ActivationOp, activationOps, type ChannelLayout, type LayerKernels } from '../layerKernels.ts';
import { WasmOptimizers } from './wasmOptimizers.ts';

// The kernels number activations as the contract's list does.
const activationNumbers = Object.fromEntries(activationOps.map((op, number) => [op, number])) as Record<ActivationOp, number>;

export class WasmLayers extends WasmOptimizers implements LayerKernels {
  activation(op: ActivationOp, x: FloatArray, out: FloatArray, a: number, b: number): void {
    this.kernels.activation(activationNumbers[op], this.read(x), this.write(out), out.length, a, b);
    this.finish();
  }

  activationBackward(op: ActivationOp, g: FloatArray, x: FloatArray, dx: FloatArray, a: number, b: number): void {
    this.kernels.activationBackward(activationNumbers[op], this.read(g), this.read(x), this.write(dx), dx.length, a, b);
    this.finish();
  }

  channelMoments(x: FloatArray, mean: FloatArray, variance: FloatArray, { outer, channels, inner }: ChannelLayout): void {
    this.kernels.channelMoments(this.read(x), this.write(mean), this.write(variance), outer, channels, inner);
    this.finish();
  }

  channelProducts(g: FloatArray, x: FloatArray, mean: FloatArray, sums: FloatArray, products: FloatArray, layout: ChannelLayout): void {
    const { outer, channels, inner } = layout;
    const [ofG, ofX, center] = [this.read(g), this.read(x), this.read(mean)];
    this.kernels.channelProducts(ofG, ofX, center, this.write(sums), this.write(products), outer, channels, inner);
    this.finish();
  }

  channelScale(x: FloatArray, mean: FloatArray, scale: FloatArray, shift: FloatArray, out: FloatArray, layout: ChannelLayout): void {
    const { outer, channels, inner } = layout;
    const [from, center, factor, offset] = [this.read(x), this.read(mean), this.read(scale), this.read(shift)];
    this.kernels.channelScale(from, center, factor, offset, this.write(out), outer, channels, inner);
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
    const [ofG, ofX, center] = [this.read(g), this.read(x), this.read(mean)];
    const [first, second, offset] = [this.read(gFactor), this.read(xFactor), this.read(shift)];
    this.kernels.channelCombine(ofG, ofX, center, first, second, offset, this.write(dx), outer, channels, inner);
    this.finish();
  }
}
