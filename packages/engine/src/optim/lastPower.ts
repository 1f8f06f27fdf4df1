// Computes powers that are the same for all parameters of a step. Each power is computed once per step, and the logarithm of its base once
// for all steps, because the exact functions of math.ts are slow.
import { logAsPair, type Pair, pow, powOfLogarithm } from '../math.ts';

/** Caches the last power. */
export class LastPower {
  #base = NaN;
  #exponent = NaN;
  #value = NaN;
  /** The logarithm of the base; null if the base is 0, negative, 1, infinite or NaN. */
  #logarithm: Pair | null = null;

  /** Returns base ^ exponent, with the same bits as {@link pow}. */
  of(base: number, exponent: number): number {
    if (base === this.#base && exponent === this.#exponent) return this.#value;
    if (base !== this.#base) this.#logarithm = base > 0 && base !== 1 && base < Infinity ? logAsPair(base) : null;
    this.#base = base;
    this.#exponent = exponent;
    const logarithm = exponent !== 0 && Number.isFinite(exponent) ? this.#logarithm : null;
    this.#value = logarithm === null ? pow(base, exponent) : powOfLogarithm(logarithm, exponent);
    return this.#value;
  }
}
