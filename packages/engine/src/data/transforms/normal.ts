// Normally distributed numbers from uniform draws: the inverse of the normal distribution (algorithm AS241; Wichura, "The Percentage Points
// of the Normal Distribution", 1988), whose relative error is about 1e-16. One draw gives one number.
import { log } from '../../math.ts';
import type { Draws } from './draws.ts';
import { numpy, type PyTorchTransform } from './define.ts';

/** Half the distance between two draws. It is added to a draw, so that the sum is never 0. */
const HALF_STEP = 2 ** -33;

/** Draws a number of the standard normal distribution. Its magnitude is at most 6.4. */
export function drawNormal(draws: Draws): number {
  return normalAt(draws.uniform() + HALF_STEP);
}

/** Returns the number below which a standard normal variable is with this probability, from 2^-33 to 1 - 2^-33. */
export function normalAt(probability: number): number {
  const q = probability - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * middleNumerator(r)) / middleDenominator(r);
  }
  const r = Math.sqrt(-log(q < 0 ? probability : 1 - probability)) - 1.6;
  const size = tailNumerator(r) / tailDenominator(r);
  return q < 0 ? -size : size;
}

const middleNumerator = (r: number): number =>
  ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r +
    13731.693765509461125) *
    r +
    1971.5909503065514427) *
    r +
    133.14166789178437745) *
    r +
  3.387132872796366608;

const middleDenominator = (r: number): number =>
  ((((((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r +
    5394.1960214247511077) *
    r +
    687.1870074920579083) *
    r +
    42.313330701600911252) *
    r +
  1;

const tailNumerator = (r: number): number =>
  ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r +
    3.64784832476320460504) *
    r +
    5.7694972214606914055) *
    r +
    4.6303378461565452959) *
    r +
  1.42343711074968357734;

const tailDenominator = (r: number): number =>
  ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r +
    0.68976733498510000455) *
    r +
    1.6763848301838038494) *
    r +
    2.05319162663775882187) *
    r +
  1;

/** The Python function for the same numbers, as a float32 tensor. */
export const pythonNormal: Required<Pick<PyTorchTransform, 'imports' | 'functions'>> = {
  imports: [numpy],
  functions: [
    `def normal(draws):
    return torch.special.ndtri(torch.from_numpy(draws + 2.0**-33)).float()`,
  ],
};
