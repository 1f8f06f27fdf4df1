// The optional part of the contract: kernels that compute neighbouring layers at once. The values between the layers are then never
// stored, and gradients are computed only where they are not 0. The results are those of the single layers, up to rounding. A backend
// need not have these kernels: composed.ts computes the layers one after the other.
import type { ConvGeometry, FloatArray, PoolGeometry } from './types.ts';

export interface FusedKernels {
  /** Computes out = max(0, conv2d(x)). A NaN stays a NaN. */
  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  /**
   * Computes the gradients of a convolution whose result went through relu, which gave y (null: there was no relu). dx is the gradient of
   * the input, dw of the weight, db of the bias; those that are null are not computed. g counts where y > 0 or y is NaN.
   * @param mayChangeG whether the kernel may overwrite g.
   */
  conv2dBackward(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    geometry: ConvGeometry,
    mayChangeG?: boolean,
  ): void;

  /**
   * Computes out = maxPool2d(max(0, conv2d(x))); `pool` is over the convolution's planes. `indices`: the position of each maximum in its
   * plane. Of equal values the first one is taken, a NaN counts as the largest; where out is 0 it may be any position of the window.
   */
  conv2dReluPool(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    indices: Int32Array,
    geometry: ConvGeometry,
    pool: PoolGeometry,
  ): void;
  /** Does what conv2dBackward does, for the gradient g of the pooled result y. g counts at the positions `indices`, except where y is 0. */
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
  ): void;

  /** Computes out[n×outFeatures] = max(0, x · weightᵀ + bias). A NaN stays a NaN. */
  linearRelu(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void;
  /** Computes the gradients of a linear layer, with relu or without, as conv2dBackward does those of a convolution. */
  linearBackward(
    g: FloatArray,
    y: FloatArray | null,
    x: FloatArray,
    weight: FloatArray,
    dx: FloatArray | null,
    dw: FloatArray | null,
    db: FloatArray | null,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void;
}
