// The error function and its complement in float64, with the same bits on every machine; the other elementary functions are
// in math.ts. Not for tensors: kernels have their own float32 versions. The bounds were measured against mpmath.
import { exp } from './math.ts';

/** Where the series ends and the continued fraction begins. */
const FAR = 2.5;

/** Error function. Error below 1e-15 relative: a series of positive terms (Abramowitz and Stegun 7.1.6), beyond 2.5 it is 1 − erfc. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size > FAR) return x < 0 ? erfcFar(size) - 1 : 1 - erfcFar(size);
  let term = x;
  let sum = x;
  for (let n = 1; n < 80; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * exp(-x * x) * sum;
}

/** 1 − erf(x), without its cancellation far out: error below 1e-12 relative where it is a normal number. */
export function erfc(x: number): number {
  return x > FAR ? erfcFar(x) : 1 - erf(x);
}

/** erfc by its continued fraction (Abramowitz and Stegun 7.1.14). */
function erfcFar(x: number): number {
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  return exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
