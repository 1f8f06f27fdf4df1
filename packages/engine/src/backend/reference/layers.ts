// Activations and normalisation as plain loops. Sums are in float64.
import { activations } from '../activations.ts';
import type { ChannelLayout, LayerKernels } from '../layerKernels.ts';

export const layers: LayerKernels = {
  activation(op, x, out, a, b) {
    const activation = activations[op];
    for (let i = 0; i < out.length; i++) out[i] = activation.value(x[i], a, b);
  },

  activationBackward(op, g, x, dx, a, b) {
    const activation = activations[op];
    for (let i = 0; i < dx.length; i++) dx[i] = g[i] * activation.slope(x[i], a, b);
  },

  channelMoments(x, mean, variance, layout) {
    const count = x.length / layout.channels;
    const sums = new Float64Array(layout.channels);
    const squares = new Float64Array(layout.channels);
    for (let i = 0; i < x.length; i++) sums[channelOf(i, layout)] += x[i] / count;
    for (let i = 0; i < x.length; i++) squares[channelOf(i, layout)] += (x[i] - sums[channelOf(i, layout)]) ** 2 / count;
    mean.set(sums);
    variance.set(squares);
  },

  channelProducts(g, x, mean, sums, products, layout) {
    const ofG = new Float64Array(layout.channels);
    const ofProducts = new Float64Array(layout.channels);
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      ofG[channel] += g[i];
      ofProducts[channel] += g[i] * (x[i] - mean[channel]);
    }
    sums.set(ofG);
    products.set(ofProducts);
  },

  channelScale(x, mean, scale, shift, out, layout) {
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      out[i] = (x[i] - mean[channel]) * scale[channel] + shift[channel];
    }
  },

  channelCombine(g, x, mean, gFactor, xFactor, shift, dx, layout) {
    for (let i = 0; i < x.length; i++) {
      const channel = channelOf(i, layout);
      dx[i] = g[i] * gFactor[channel] + (x[i] - mean[channel]) * xFactor[channel] + shift[channel];
    }
  },
};

function channelOf(index: number, { channels, inner }: ChannelLayout): number {
  return Math.floor(index / inner) % channels;
}
