// Arithmetic that all normalisations share. It works on arrays with one number for each channel. A "channel" is whatever is normalised
// together: in batch norm a channel, in layer norm the last dimensions of a sample, in group norm a group of a sample's channels.
import type { FloatArray } from '../backend/backend.ts';

// These are separate functions because V8 optimizes small functions better than large ones. They run in every step.

export function setInverse(inverse: Float64Array, variance: FloatArray, eps: number): void {
  for (let c = 0; c < inverse.length; c++) inverse[c] = 1 / Math.sqrt(variance[c] + eps);
}

export function setProducts(out: FloatArray, inverse: Float64Array, factors: FloatArray): void {
  for (let c = 0; c < inverse.length; c++) out[c] = inverse[c] * factors[c];
}

/**
 * Computes two numbers of each channel for the gradient of a normalisation: the factor of x − mean (`ofX`), and a number that is added
 * (`offset`). n is the number of elements of a channel.
 */
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
