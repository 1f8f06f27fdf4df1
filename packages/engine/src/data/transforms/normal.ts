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
  ((((((2509.0809287301227 * r + 33430.57558358813) * r + 67265.7709270087) * r + 45921.95393154987) * r + 13731.69376550946) * r +
    1971.5909503065513) *
    r +
    133.14166789178438) *
    r +
  3.3871328727963665;

const middleDenominator = (r: number): number =>
  ((((((5226.495278852854 * r + 28729.085735721943) * r + 39307.89580009271) * r + 21213.794301586597) * r + 5394.196021424751) * r +
    687.1870074920579) *
    r +
    42.31333070160091) *
    r +
  1;

const tailNumerator = (r: number): number =>
  ((((((0.0007745450142783414 * r + 0.022723844989269184) * r + 0.2417807251774506) * r + 1.2704582524523684) * r + 3.6478483247632045) *
    r +
    5.769497221460691) *
    r +
    4.630337846156546) *
    r +
  1.4234371107496835;

const tailDenominator = (r: number): number =>
  ((((((1.0507500716444169e-9 * r + 0.0005475938084995345) * r + 0.015198666563616457) * r + 0.14810397642748008) * r + 0.6897673349851) *
    r +
    1.6763848301838038) *
    r +
    2.053191626637759) *
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
