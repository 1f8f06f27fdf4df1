// Draws numbers of the distribution Beta(α, α), for mixup and cutmix. For α up to 1: Jöhnk's algorithm ("Erzeugung von betaverteilten und
// gammaverteilten Zufallszahlen", 1964). For larger α: Cheng's algorithm BB ("Generating Beta Variates with Nonintegral Shape Parameters",
// 1978). Both try pairs of uniform draws until one is accepted.
import { exp, log, pow } from '../../math.ts';
import type { Draws } from './draws.ts';

/** Half the distance between two draws. It is added to a draw, so that the sum is neither 0 nor 1. */
const HALF_STEP = 2 ** -33;

/** Draws a number from 0 to 1. @param alpha both parameters of the distribution, at least 0.01 */
export function drawBeta(draws: Draws, alpha: number): number {
  return alpha <= 1 ? johnk(draws, alpha) : cheng(draws, alpha);
}

function johnk(draws: Draws, alpha: number): number {
  for (;;) {
    const x = pow(draws.uniform() + HALF_STEP, 1 / alpha);
    const y = pow(draws.uniform() + HALF_STEP, 1 / alpha);
    // For a small α both powers may underflow to 0.
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}

function cheng(draws: Draws, alpha: number): number {
  const root = Math.sqrt(alpha);
  for (;;) {
    const first = draws.uniform() + HALF_STEP;
    const second = draws.uniform() + HALF_STEP;
    const v = log(first / (1 - first)) / root;
    const w = alpha * exp(v);
    const z = log(first * first * second);
    const r = (alpha + root) * v - log(4);
    if (r + 2 * alpha * log((2 * alpha) / (alpha + w)) >= z) return w / (alpha + w);
  }
}

/** The function {@link drawBeta} in Python. `draws` yields the numbers one after the other. */
export const pythonBeta = `def draw_beta(draws, alpha):
    while True:
        first, second = next(draws) + 2.0**-33, next(draws) + 2.0**-33
        if alpha <= 1:
            x, y = first ** (1 / alpha), second ** (1 / alpha)
            if 0 < x + y <= 1:
                return x / (x + y)
            continue
        v = math.log(first / (1 - first)) / math.sqrt(alpha)
        w = alpha * math.exp(v)
        if (alpha + math.sqrt(alpha)) * v - math.log(4) + 2 * alpha * math.log(2 * alpha / (alpha + w)) >= math.log(first * first * second):
            return w / (alpha + w)`;
