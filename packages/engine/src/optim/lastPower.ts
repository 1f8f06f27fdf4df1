// Powers that all parameters of a step ask for alike: each is computed once, and its base's logarithm once for all steps, because
// the functions of math.ts are exact and not cheap.
import { logAsPair, type Pair, pow, powOfLogarithm } from '../math.ts';

/** Keeps the last power that was asked for. */
export class LastPower {
  #base = NaN;
  #exponent = NaN;
  #value = NaN;
  /** null where the base has no use for it. */
  #logarithm: Pair | null = null;

  /** base ^ exponent, as {@link pow}. */
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
