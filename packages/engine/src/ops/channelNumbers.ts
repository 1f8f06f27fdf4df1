// Arithmetic that all normalisations share. It has one number per channel of an input seen as [outer, channels, inner]. A "channel" is the
// part that is normalised together. For layer and group norm it is a row or a group of rows.
import type { FloatArray } from '../backend/backend.ts';

// These are separate functions because V8 optimizes small functions better. They run in every step.

export function setInverse(inverse: Float64Array, variance: FloatArray, eps: number): void {
  for (let c = 0; c < inverse.length; c++) inverse[c] = 1 / Math.sqrt(variance[c] + eps);
}

export function setProducts(out: FloatArray, inverse: Float64Array, factors: FloatArray): void {
  for (let c = 0; c < inverse.length; c++) out[c] = inverse[c] * factors[c];
}

/** Sets, for the gradient of a normalisation, the factor of x − mean and the summand. n is the number of elements of a channel. */
export function setSlopes(
  ofX: FloatArray,
  offset: FloatArray,
  scale: FloatArray,
  inverse: Float64Array,
  products: FloatArray,
  sums: FloatArray,
  n: number,
): void {
  for (let c = 0; c < inverse.length; c++) {
    ofX[c] = (-scale[c] * inverse[c] * inverse[c] * products[c]) / n;
    offset[c] = (-scale[c] * sums[c]) / n;
  }
}
