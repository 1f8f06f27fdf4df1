// xoshiro128** 1.1 (Blackman and Vigna, 2018, https://prng.di.unimi.it/xoshiro128starstar.c) in 32-bit integers.
// It feeds the drawing of digits and nothing else: a job's own draws come from PyTorch's generator, and the set of
// digits must not move with a job's seed.

/** A stream of uniform draws that is the same on every machine. */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * @param seed any 32-bit integer; splitmix32 spreads it over the 128 bits of state, so that streams of neighbouring
   * seeds have nothing in common.
   */
  constructor(seed: number) {
    let state = seed | 0;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = splitmix();
    this.#b = splitmix();
    this.#c = splitmix();
    this.#d = splitmix();
  }

  /** The next 32 bits as a signed integer. */
  next(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [low, high), on a grid of 2^24 steps. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.next() >>> 8) / 16777216);
  }

  /** An integer in [0, bound); the bias of the multiply-shift is below bound / 2^24. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 8) * bound) / 16777216);
  }

  /** Roughly normal with mean 0 and the given spread, never beyond 3.5 spreads: four uniforms added, no logarithm needed. */
  bell(spread: number): number {
    const sum = (this.next() >>> 8) + (this.next() >>> 8) + (this.next() >>> 8) + (this.next() >>> 8);
    // A uniform has variance 1/12; the sum of four has 1/3.
    return (sum / 16777216 - 2) * spread * 1.7320508075688772;
  }
}
