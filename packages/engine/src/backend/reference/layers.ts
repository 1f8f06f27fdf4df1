// The kernels of single layers as plain loops; sums in float64.
import type { FloatArray } from '../backend.ts';
import type { ActivationOp, ChannelLayout, LayerKernels } from '../layerKernels.ts';
import { activations } from './activations.ts';
import { ReferenceOptimizers } from './optimizers.ts';

export class ReferenceLayers extends ReferenceOptimizers implements LayerKernels {
  activation(op: ActivationOp, x: FloatArray, out: FloatArray, a: number, b: number): void {
    const activation = activations[op];
    for (let i = 0; i < out.length; i++) out[i] = activation.value(x[i], a, b);
  }

  activationBackward(op: ActivationOp, g: FloatArray, x: FloatArray, dx: FloatArray, a: number, b: number): void {
    const activation = activations[op];
    for (let i = 0; i < dx.length; i++) dx[i] = g[i] * activation.slope(x[i], a, b);
  }

  channelMoments(x: FloatArray, mean: FloatArray, variance: FloatArray, layout: ChannelLayout): void {
    const count = x.length / layout.channels;
    const sums = new Float64Array(layout.channels);
    const squares = new Float64Array(layout.channels);
    for (let i = 0; i < x.length; i++) sums[channelOf(i, layout)] += x[i] / count;
    for (let i = 0; i < x.length; i++) squares[channelOf(i, layout)] += (x[i] - sums[channelOf(i, layout)]) ** 2 / count;
    mean.set(sums);
    variance.set(squares);
  }

  channelProducts(g: FloatArray, x: FloatArray, mean: FloatArray, sums: FloatArray, products: FloatArray, layout: ChannelLayout): void {
    const ofG = new Float64Array(layout.channels);
    const ofProducts = new Float64Array(layout.channels);
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      ofG[channel] += g[i];
      ofProducts[channel] += g[i] * (x[i] - mean[channel]);
    }
    sums.set(ofG);
    products.set(ofProducts);
  }

  channelScale(x: FloatArray, mean: FloatArray, scale: FloatArray, shift: FloatArray, out: FloatArray, layout: ChannelLayout): void {
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      out[i] = (x[i] - mean[channel]) * scale[channel] + shift[channel];
    }
  }

  channelCombine(
    g: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    gFactor: FloatArray,
    xFactor: FloatArray,
    shift: FloatArray,
    dx: FloatArray,
    layout: ChannelLayout,
  ): void {
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      dx[i] = g[i] * gFactor[channel] + (x[i] - mean[channel]) * xFactor[channel] + shift[channel];
    }
  }
}

function channelOf(index: number, { channels, inner }: ChannelLayout): number {
  return Math.floor(index / inner) % channels;
}
