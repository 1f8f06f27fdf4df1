// xoshiro128** 1.1 (Blackman and Vigna, 2018, https://prng.di.unimi.it/xoshiro128starstar.c) in 32-bit integers.
// Only the drawing of digits uses it. The digits must not depend on a job's seed, so they do not use the job's generator, which is
// PyTorch's.

/** A generator of random numbers that gives the same numbers on every machine. */
export class Xoshiro128 {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * @param seed any 32-bit integer. splitmix32 spreads it over the 128 bits of state, so that neighbouring seeds give unrelated streams.
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

  /** Returns the next 32 bits as a signed integer. */
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

  /** Returns a uniformly distributed number in [low, high). It is one of 2^24 evenly spaced values. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.next() >>> 8) / 16777216);
  }

  /** Returns a random integer in [0, bound). The probability of each integer differs from 1 / bound by less than 1 / 2^24. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 8) * bound) / 16777216);
  }

  /**
   * Returns a roughly normally distributed number with mean 0 and standard deviation `spread`. It is the sum of four uniform numbers, which
   * needs no logarithm, and is never more than 3.5 × spread from 0.
   */
  bell(spread: number): number {
    const sum = (this.next() >>> 8) + (this.next() >>> 8) + (this.next() >>> 8) + (this.next() >>> 8);
    // The variance of a uniform number is 1/12, and of the sum of four 1/3.
    return (sum / 16777216 - 2) * spread * 1.7320508075688772;
  }
}
