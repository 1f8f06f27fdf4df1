// The optional part of the contract: kernels that compute neighbouring layers at once. They need not store the values between the layers,
// and may skip gradients that are 0. The results are the same as those of single layers, up to rounding. For a backend without these
// kernels, composed.ts computes the layers one after the other.
import type { ConvGeometry, FloatArray, PoolGeometry } from './types.ts';

export interface FusedKernels {
  /** Computes out = max(0, conv2d(x)). A NaN stays a NaN. */
  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  /**
   * Computes the gradients of a convolution followed by relu: dx of the input, dw of the weight, db of the bias. A gradient that is null is
   * not computed. y is relu's result, or null if there was no relu. Where y is 0, g is ignored.
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
   * plane. Of equal values the first one is taken; a NaN counts as the largest. Where out is 0, the position may be any in the window.
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
  /**
   * Computes the gradients that conv2dBackward computes, from the gradient g of the pooled result y. Each element of g belongs to its
   * position in `indices`. Where y is 0, g is ignored.
   */
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
  /** Computes the gradients of a linear layer, with or without relu. The arguments have the same meaning as in conv2dBackward. */
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
