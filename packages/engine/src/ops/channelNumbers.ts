// What normalisations have in common: the arithmetic with one number a channel, of an input seen as [outer, channels, inner]. A "channel" is whatever is normalised as one: for layer and group norm a row, or a group of rows.
import type { FloatArray } from '../backend/backend.ts';

// Each is a function of its own so that it is compiled well: they run in every step.

export function setInverse(inverse: Float64Array, variance: FloatArray, eps: number): void {
  for (let c = 0; c < inverse.length; c++) inverse[c] = 1 / Math.sqrt(variance[c] + eps);
}

export function setProducts(out: FloatArray, inverse: Float64Array, factors: FloatArray): void {
  for (let c = 0; c < inverse.length; c++) out[c] = inverse[c] * factors[c];
}

/** What the gradient of a normalisation multiplies x − mean by, and what it adds; n are the numbers of a channel. */
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
