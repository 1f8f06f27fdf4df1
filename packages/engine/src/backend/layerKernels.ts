// The part of the contract for activations and normalisation.
import type { ActivationOp, FloatArray } from './types.ts';

/** An array seen as [outer, channels, inner]. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export interface LayerKernels {
  /** Computes out = op(x) with the parameters a and b, which the operation may ignore. */
  activation(op: ActivationOp, x: FloatArray, out: FloatArray, a: number, b: number): void;
  /** Computes dx = g · op′(x), where g is the result's gradient. Where op has no derivative, op′ is as in PyTorch. `dx` may be `g`. */
  activationBackward(op: ActivationOp, g: FloatArray, x: FloatArray, dx: FloatArray, a: number, b: number): void;

  /**
   * Computes each channel's mean and variance over the dimensions outer and inner. The variance is divided by the number of values. Both
   * arrays have the length `channels`.
   */
  channelMoments(x: FloatArray, mean: FloatArray, variance: FloatArray, layout: ChannelLayout): void;
  /** Computes each channel's Σ g and Σ g · (x − mean). */
  channelProducts(g: FloatArray, x: FloatArray, mean: FloatArray, sums: FloatArray, products: FloatArray, layout: ChannelLayout): void;
  /** Computes out = (x − mean) · scale + shift. Each channel has its own mean, scale and shift. */
  channelScale(x: FloatArray, mean: FloatArray, scale: FloatArray, shift: FloatArray, out: FloatArray, layout: ChannelLayout): void;
  /** Computes dx = g · gFactor + (x − mean) · xFactor + shift. Each channel has its own factors and shift. `dx` may be `g`. */
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
