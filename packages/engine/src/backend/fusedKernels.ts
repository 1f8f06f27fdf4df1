// The part of the contract that does the work of neighbouring layers at once: what lies between them is then never stored,
// and gradients go only where something passed. Each gives what its steps give one after the other, up to rounding.
import type { ConvGeometry, FloatArray, PoolGeometry } from './backend.ts';

export interface FusedKernels {
  /** out = max(0, conv2d(x)); a NaN stays. */
  conv2dRelu(x: FloatArray, weight: FloatArray, bias: FloatArray | null, out: FloatArray, geometry: ConvGeometry): void;
  /**
   * Gradients of a convolution whose result was rectified to y (null: was not rectified), each where its array is given:
   * dx of the input, dw of the weight, db of the bias. g passes where y > 0 or is NaN.
   * @param mayChangeG whether g may be left with other values.
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
   * out = maxPool2d(max(0, conv2d(x))); `pool` slides over the convolution's planes. `indices`: position of each maximum in
   * its plane, the first one on ties, a NaN wins; where out is 0 it may be any position of the window.
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
  /** As conv2dBackward for the gradient g of the pooled result y: it goes on at `indices`, and nowhere where y is 0. */
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

  /** out[n×outFeatures] = max(0, x · weightᵀ + bias); a NaN stays. */
  linearRelu(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | null,
    out: FloatArray,
    n: number,
    inFeatures: number,
    outFeatures: number,
  ): void;
  /** Gradients of a linear layer whose result was rectified to y (null: was not rectified), each where its array is given. */
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
