// The part of the contract that single layers need: activations and normalisation. As everywhere, kernels know flat arrays
// and sizes only.
import type { FloatArray } from './backend.ts';

/**
 * Activations. Parameters a and b: softplus(beta, threshold), leakyRelu(slope), elu(alpha), clamp(min, max); the others
 * have none.
 */
export const activationOps = [
  'sigmoid',
  'tanh',
  'silu',
  'softplus',
  'gelu',
  'geluTanh',
  'leakyRelu',
  'elu',
  'relu6',
  'hardSwish',
  'erf',
  'clamp',
] as const;
export type ActivationOp = (typeof activationOps)[number];

/** An array seen as [outer, channels, inner]. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export interface LayerKernels {
  activation(op: ActivationOp, x: FloatArray, out: FloatArray, a: number, b: number): void;
  /** dx = g · op′(x); where op has a corner, PyTorch's choice. `dx` may be `g`. */
  activationBackward(op: ActivationOp, g: FloatArray, x: FloatArray, dx: FloatArray, a: number, b: number): void;

  /** Each channel's mean over outer and inner, and the mean of the squared differences from it; both of length `channels`. */
  channelMoments(x: FloatArray, mean: FloatArray, variance: FloatArray, layout: ChannelLayout): void;
  /** Each channel's Σ g and Σ g · (x − mean). */
  channelProducts(g: FloatArray, x: FloatArray, mean: FloatArray, sums: FloatArray, products: FloatArray, layout: ChannelLayout): void;
  /** out = (x − mean) · scale + shift, with one mean, scale and shift a channel. */
  channelScale(x: FloatArray, mean: FloatArray, scale: FloatArray, shift: FloatArray, out: FloatArray, layout: ChannelLayout): void;
  /** dx = g · gFactor + (x − mean) · xFactor + shift, with one of each a channel. `dx` may be `g`. */
  channelCombine(
    g: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    gFactor: FloatArray,
    xFactor: FloatArray,
    shift: FloatArray,
    dx: FloatArray,
    layout: ChannelLayout,
  ): void;
}
