// The random numbers of random transforms: a counter-based generator (Philox4x32-10; Salmon, Moraes, Dror and Shaw, "Parallel Random
// Numbers: As Easy as 1, 2, 3", 2011). A number depends only on the job's seed, the epoch, the sample and the transform's position in the
// list. It is therefore the same for every order of samples and for every thread. The run's own generator is not used.

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;
const TWO_POW_32 = 4294967296;

/** Returns the high word of the 64-bit product of two 32-bit words. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (other >>> 16);
}

/**
 * Replaces the four words of `counter` by four random words (Philox4x32-10).
 * @param counter four words of 32 bits, which are overwritten
 */
export function philox(counter: Uint32Array, key0: number, key1: number): void {
  let [c0, c1, c2, c3] = counter;
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIERS[0], c0);
    const low0 = Math.imul(MULTIPLIERS[0], c0) >>> 0;
    const high1 = mulHigh(MULTIPLIERS[1], c2);
    const low1 = Math.imul(MULTIPLIERS[1], c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + KEY_STEPS[0]) >>> 0;
    k1 = (k1 + KEY_STEPS[1]) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/** Draws up to four numbers for one sample and one transform. The counter is [sample, epoch, transform, 0] and the key [seed, 0]. */
export class Draws {
  readonly #seed: number;
  readonly #words = new Uint32Array(4);
  #used = 0;

  /** @param seed the job's seed, from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Prepares the numbers of one sample for one transform. @param transform the transform's position in the list, from 0 */
  start(epoch: number, sample: number, transform: number): void {
    this.#words[0] = sample;
    this.#words[1] = epoch;
    this.#words[2] = transform;
    this.#words[3] = 0;
    philox(this.#words, this.#seed, 0);
    this.#used = 0;
  }

  /** Draws a number from 0 to less than 1, a multiple of 2^-32. @throws RangeError if four numbers have been drawn since {@link start} */
  uniform(): number {
    if (this.#used === this.#words.length) throw new RangeError('a transform can draw only four numbers per sample');
    return this.#words[this.#used++] / TWO_POW_32;
  }

  /** Draws a whole number from 0 to `bound` - 1. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }
}
