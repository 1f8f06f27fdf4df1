// Every random draw of the engine: PyTorch's CPU generator (mt19937) and its uniform, normal, integer and permutation
// draws, so that a seed gives here what torch.manual_seed gives there. Not a source of secrets, and not the generator
// of augmentation or of made-up datasets, which have streams of their own.
// Sources: Matsumoto and Nishimura 1998; ATen/core/MT19937RNGEngine.h, DistributionsHelper.h, native/cpu/DistributionTemplates.h.
import { show } from './validation.ts';
import type { FloatArray } from './backend/backend.ts';
import { ArgumentError } from './errors.ts';
import { cos, log, log1p, sin } from './math.ts';

const STATE_WORDS = 624;
const SHIFT_WORDS = 397;
const TWO_POW_32 = 4294967296;
/** From here on PyTorch's randint spends 64 bits a value (up to PyTorch 2.6 it did so from 2^32 on). */
const WIDE_RANGE = 268435456;
/** From here on PyTorch's randperm takes another algorithm, floor((2^32-1)/20). */
const RANDPERM_LIMIT = 214748364;
/** PyTorch's default seed of a fresh generator, c10::detail::default_rng_seed_val. */
const DEFAULT_SEED = 67280421310721;

/** Everything that decides a generator's future draws; plain, so that JSON carries it losslessly. */
export interface GeneratorState {
  /** mt19937's 624 words, each 0 … 2^32-1. */
  readonly words: readonly number[];
  /** Words already used up, 0 … 624. */
  readonly position: number;
  /** The second value of the last pair of single normal draws, still to be given out. */
  readonly nextNormal: number | null;
}

/** A stream of draws, equal to torch.Generator on the CPU. */
export class Generator {
  readonly #words = new Uint32Array(STATE_WORDS);
  #position = STATE_WORDS;
  #nextNormal: number | null = null;

  /** @param seed as in {@link manualSeed}; default PyTorch's own default seed. */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /**
   * Starts the stream anew. As in PyTorch only the low 32 bits of the seed count.
   * @param seed a whole number >= 0; as `number` at most 2^53-1.
   * @throws ArgumentError for any other seed.
   */
  manualSeed(seed: number | bigint): this {
    if ((typeof seed !== 'bigint' && !Number.isSafeInteger(seed)) || seed < 0) {
      throw new ArgumentError(`a seed is a whole number from 0 to 2^53-1 (larger ones as bigint), got ${show(seed)}`);
    }
    const words = this.#words;
    words[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < STATE_WORDS; i++) {
      const previous = words[i - 1];
      words[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
    this.#position = STATE_WORDS;
    this.#nextNormal = null;
    return this;
  }

  /** A copy of the state, for {@link setState} of any generator. */
  getState(): GeneratorState {
    return { words: Array.from(this.#words), position: this.#position, nextNormal: this.#nextNormal };
  }

  /**
   * Goes on exactly where the generator that gave `state` was.
   * @throws ArgumentError when it is not a state; the generator is then unchanged.
   */
  setState(state: GeneratorState): this {
    const { words, position, nextNormal } = state;
    if (words.length !== STATE_WORDS || !words.every((word) => Number.isInteger(word) && word >= 0 && word < TWO_POW_32)) {
      throw new ArgumentError(`a generator's state has ${STATE_WORDS} words of 32 bits, got ${words.length} values`);
    }
    if (!Number.isInteger(position) || position < 0 || position > STATE_WORDS) {
      throw new ArgumentError(`a generator's position is 0 … ${STATE_WORDS}, got ${position}`);
    }
    if (nextNormal !== null && !Number.isFinite(nextNormal)) {
      throw new ArgumentError(`a generator's next normal value is null or a finite number, got ${nextNormal}`);
    }
    this.#words.set(words);
    this.#position = position;
    this.#nextNormal = nextNormal;
    return this;
  }

  #refill(): void {
    const words = this.#words;
    for (let i = 0; i < STATE_WORDS; i++) {
      const mixed = (words[i] & 0x80000000) | (words[(i + 1) % STATE_WORDS] & 0x7fffffff);
      words[i] = words[(i + SHIFT_WORDS) % STATE_WORDS] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.#position = 0;
  }

  /** The next 32 bits, 0 … 2^32-1. */
  random(): number {
    if (this.#position === STATE_WORDS) {
      this.#refill();
    }
    let word = this.#words[this.#position];
    this.#position += 1;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  /** The next 64 bits: two draws, the first one on top. */
  random64(): bigint {
    const top = BigInt(this.random());
    return (top << 32n) | BigInt(this.random());
  }

  /** What `torch.empty((), dtype=torch.int64).random_()` holds: 0 … 2^63-1. */
  randomInt63(): bigint {
    return BigInt.asUintN(63, this.random64());
  }

  /** float32's uniform draw on [0, 1): 24 bits of one word. */
  #uniform24(): number {
    return (this.random() & 0xffffff) / 16777216;
  }

  /** float64's uniform draw on [0, 1): the low 53 of 64 bits. */
  #uniform53(): number {
    const top = this.random() & 0x1fffff;
    return (top * TWO_POW_32 + this.random()) / 9007199254740992;
  }

  /**
   * Fills `out` with draws from [low, high), as `Tensor.uniform_` does for its element type. Defaults 0 and 1.
   * @throws ArgumentError unless low <= high, both finite.
   */
  uniform_<T extends FloatArray>(out: T, low = 0, high = 1): T {
    if (!(low <= high && Number.isFinite(high - low))) {
      throw new ArgumentError(`a uniform draw needs finite limits with low <= high, got ${low} and ${high}`);
    }
    if (out instanceof Float32Array) {
      const from = Math.fround(low);
      const range = Math.fround(Math.fround(high) - from);
      for (let i = 0; i < out.length; i++) out[i] = this.#uniform24() * range + from;
    } else {
      const range = high - low;
      for (let i = 0; i < out.length; i++) out[i] = this.#uniform53() * range + low;
    }
    return out;
  }

  /**
   * Fills `out` with normal draws, as `Tensor.normal_` does for its element type. Defaults: mean 0, std 1.
   * PyTorch draws fewer than 16 values one by one, keeping the second of each pair for the next such draw,
   * and 16 or more in blocks; the two give different values, and so they do here.
   * Values of float32 blocks agree with PyTorch's to 1e-6 absolute, all others to a few ulp.
   * @throws ArgumentError unless mean is finite and std finite and >= 0.
   */
  normal_<T extends FloatArray>(out: T, mean = 0, std = 1): T {
    if (!(Number.isFinite(mean) && Number.isFinite(std) && std >= 0)) {
      throw new ArgumentError(`a normal draw needs a finite mean and a finite std >= 0, got ${mean} and ${std}`);
    }
    if (out.length < 16) {
      for (let i = 0; i < out.length; i++) out[i] = this.#normal() * std + mean;
      return out;
    }
    const fillBlock = out instanceof Float32Array ? normalBlock32 : normalBlock64;
    this.uniform_(out);
    for (let start = 0; start + 16 <= out.length; start += 16) {
      fillBlock(out, start, mean, std);
    }
    if (out.length % 16 !== 0) {
      // The last 16 values are drawn anew, over some that are finished already.
      const start = out.length - 16;
      this.uniform_(out.subarray(start));
      fillBlock(out, start, mean, std);
    }
    return out;
  }

  /** One standard normal value (Box–Muller in float64). */
  #normal(): number {
    const kept = this.#nextNormal;
    if (kept !== null) {
      this.#nextNormal = null;
      return kept;
    }
    const angle = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * log1p(-this.#uniform53()));
    this.#nextNormal = radius * sin(angle);
    return radius * cos(angle);
  }

  /**
   * `torch.randint(low, high, (n,))`: n whole numbers from low to high-1.
   * @throws ArgumentError unless -2^31 <= low < high <= 2^31.
   */
  randint(low: number, high: number, n: number): Int32Array {
    if (!(Number.isInteger(low) && Number.isInteger(high) && -2147483648 <= low && low < high && high <= 2147483648)) {
      throw new ArgumentError(`randint needs whole numbers with -2^31 <= low < high <= 2^31, got ${low} and ${high}`);
    }
    const out = new Int32Array(n);
    const range = high - low;
    for (let i = 0; i < n; i++) {
      out[i] = low + (range < WIDE_RANGE ? this.random() % range : Number(this.random64() % BigInt(range)));
    }
    return out;
  }

  /**
   * `torch.randperm(n)`: 0 … n-1 in random order.
   * @throws ArgumentError unless 0 <= n < 214748364, where PyTorch changes its algorithm.
   */
  randperm(n: number): Uint32Array {
    if (!(Number.isInteger(n) && n >= 0 && n < RANDPERM_LIMIT)) {
      throw new ArgumentError(`randperm takes a whole number from 0 to ${RANDPERM_LIMIT - 1}, got ${n}`);
    }
    const order = countUp(n);
    for (let i = 0; i < n - 1; i++) {
      const other = i + (this.random() % (n - i));
      const saved = order[i];
      order[i] = order[other];
      order[other] = saved;
    }
    return order;
  }
}

/** 0 … n-1. */
function countUp(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return order;
}

const TWO_PI_32 = Math.fround(2 * Math.PI);

/**
 * Box–Muller in place over 16 uniform values: 8 radii, then 8 angles. PyTorch computes in float32, by AVX2 or not, so
 * its last bits depend on its machine. Here each of its steps is computed in float64 and rounded to float32.
 */
function normalBlock32(block: FloatArray, start: number, mean: number, std: number): void {
  const std32 = Math.fround(std);
  const mean32 = Math.fround(mean);
  for (let i = start; i < start + 8; i++) {
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(log(1 - block[i])))));
    const angle = Math.fround(TWO_PI_32 * block[i + 8]);
    block[i] = Math.fround(radius * Math.fround(cos(angle))) * std32 + mean32;
    block[i + 8] = Math.fround(radius * Math.fround(sin(angle))) * std32 + mean32;
  }
}

/** The same for float64, without intermediate rounding. */
function normalBlock64(block: FloatArray, start: number, mean: number, std: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = Math.sqrt(-2 * log(1 - block[i]));
    const angle = 2 * Math.PI * block[i + 8];
    block[i] = radius * cos(angle) * std + mean;
    block[i + 8] = radius * sin(angle) * std + mean;
  }
}

/**
 * What decides the order of an epoch, with exactly the draws of a DataLoader's epoch (torch/utils/data): a base seed always, and
 * if shuffling the sampler's seed.
 * @param generator the run's generator; two words are drawn from it, four if shuffling.
 * @returns the sampler's seed, for {@link sampleOrder}; null unless shuffling.
 */
export function drawOrderSeed(generator: Generator, shuffle: boolean): bigint | null {
  generator.randomInt63();
  return shuffle ? generator.randomInt63() : null;
}

/**
 * The order in which an epoch visits `length` samples: the permutation of a generator of its own, or 0 … length-1 without a seed.
 * @throws ArgumentError for a length that {@link Generator.randperm} refuses.
 */
export function sampleOrder(seed: bigint | null, length: number): Uint32Array {
  return seed === null ? countUp(length) : new Generator(seed).randperm(length);
}

/** The order of an epoch, drawn: {@link drawOrderSeed}, then {@link sampleOrder}. */
export function epochOrder(generator: Generator, length: number, shuffle: boolean): Uint32Array {
  return sampleOrder(drawOrderSeed(generator, shuffle), length);
}

let shared: Generator | undefined;

/** The generator that draws when none is named, as PyTorch's default generator does; one per thread. */
export function defaultGenerator(): Generator {
  shared ??= new Generator();
  return shared;
}

/**
 * `torch.manual_seed(seed)`: starts the default generator anew and returns it.
 * @throws ArgumentError as {@link Generator.manualSeed}.
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator().manualSeed(seed);
}
