// The optional part of the contract: kernels that compute neighbouring layers at once. They need not store the values between the layers,
// and may skip gradients that are 0. The results differ from the results of single layers only by rounding. For a backend without these
// kernels, composed.ts computes the layers one after the other.
import type { ConvGeometry, FloatArray, PoolGeometry } from './types.ts';

export interface FusedKernels {
  /** Computes out = max(0, conv2d(x)). A NaN stays a NaN. */
  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  /**
   * Computes the gradients of a convolution followed by relu: dx of the input, dw of the weight, db of the bias. A gradient that is null is
   * not computed. g is the gradient of relu's result y, and is ignored where y is 0. If there was no relu, y is null.
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
   * plane. Of equal values the first one is taken; a NaN counts as the largest. Where out is 0, it may be any position in the window.
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
   * Computes the same gradients as conv2dBackward, for a convolution followed by relu and max-pooling. g is the gradient of the pooled
   * result y, and is ignored where y is 0. Each element of g is the gradient of the convolution at its position in `indices`.
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
