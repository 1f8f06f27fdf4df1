// The random numbers of random transforms: a counter-based generator (Philox4x32-10; Salmon, Moraes, Dror and Shaw, "Parallel Random
// Numbers: As Easy as 1, 2, 3", 2011). A number depends only on the job's seed, the epoch, the sample, how often the sample came before in the
// epoch, and the transform's position in the list. It is therefore the same for every order of samples and for every thread. The run's own
// generator is not used.

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_STEP_0 = 0x9e3779b9;
const KEY_STEP_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_POW_32 = 4294967296;
/** The place of the number of the block in the third word of the counter. A list has at most 32 transforms. */
const BLOCK = 256;

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
  let c0 = counter[0];
  let c1 = counter[1];
  let c2 = counter[2];
  let c3 = counter[3];
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + KEY_STEP_0) >>> 0;
    k1 = (k1 + KEY_STEP_1) >>> 0;
  }
  counter[0] = c0;
  counter[1] = c1;
  counter[2] = c2;
  counter[3] = c3;
}

/**
 * Draws the numbers of one sample for one transform, in blocks of four. The counter of a block is [sample, epoch, transform + 256 · block,
 * occurrence] and the key [seed, stream].
 */
export class Draws {
  readonly #seed: number;
  readonly #stream: number;
  readonly #words = new Uint32Array(4);
  #sample = 0;
  #epoch = 0;
  #transform = 0;
  #occurrence = 0;
  #block = 0;
  #used = 4;

  /**
   * @param seed the job's seed, from 0 to 2^32 - 1
   * @param stream the second word of the key: 0 for samples, and 1 for batches, whose step stands in the place of the sample. Default: 0
   */
  constructor(seed: number, stream = 0) {
    this.#seed = seed;
    this.#stream = stream;
  }

  /**
   * Prepares the numbers of one sample for one transform.
   * @param transform the transform's position in the list, from 0
   * @param occurrence how often the sample came before in the epoch. Default: 0
   */
  start(epoch: number, sample: number, transform: number, occurrence = 0): void {
    this.#sample = sample;
    this.#epoch = epoch;
    this.#transform = transform;
    this.#occurrence = occurrence;
    this.skipTo(0);
  }

  /** Continues with the number at this index. The numbers of a sample have the indices 0, 1, 2, … */
  skipTo(index: number): void {
    this.#block = Math.floor(index / 4);
    this.#fill();
    this.#used = index % 4;
  }

  #fill(): void {
    const words = this.#words;
    words[0] = this.#sample;
    words[1] = this.#epoch;
    words[2] = this.#transform + BLOCK * this.#block;
    words[3] = this.#occurrence;
    philox(words, this.#seed, this.#stream);
    this.#used = 0;
  }

  /** Draws a number from 0 to less than 1, a multiple of 2^-32. */
  uniform(): number {
    if (this.#used === 4) {
      this.#block += 1;
      this.#fill();
    }
    return this.#words[this.#used++] / TWO_POW_32;
  }

  /** Draws a whole number from 0 to `bound` - 1. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }
}
