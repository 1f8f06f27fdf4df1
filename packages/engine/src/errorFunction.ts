// The error function and its complement in float64, with the same bits on every machine. Other elementary functions are in math.ts. Kernels
// have float32 versions of their own for tensors. The error bounds were measured against mpmath.
import { exp } from './math.ts';

/** Up to this |x|, erf(x) is computed by a series. For larger |x|, it is computed by a continued fraction. */
const FAR = 2.5;

/**
 * Returns the error function of x. The relative error is below 1e-15. For |x| up to 2.5 it sums a series whose terms have the same sign
 * (Abramowitz and Stegun 7.1.6). For larger |x| it computes 1 − erfc(|x|).
 */
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

/** Returns 1 − erf(x) without losing digits for large x. The relative error is below 1e-12 where the result is a normal number. */
export function erfc(x: number): number {
  return x > FAR ? erfcFar(x) : 1 - erf(x);
}

/** Returns erfc(x) for x > 2.5, by its continued fraction (Abramowitz and Stegun 7.1.14). */
function erfcFar(x: number): number {
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  return exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
