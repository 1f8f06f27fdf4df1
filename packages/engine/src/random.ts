// All random draws of the engine: PyTorch's CPU generator (mt19937) with its uniform, normal, integer and permutation draws. A seed gives
// the same numbers as torch.manual_seed with this seed. Do not use it for secrets. Augmentation and generated datasets have generators of
// their own. Sources: Matsumoto and Nishimura 1998; ATen/core/MT19937RNGEngine.h, DistributionsHelper.h,
// native/cpu/DistributionTemplates.h.
import { show } from './validation.ts';
import type { FloatArray } from './backend/backend.ts';
import { ArgumentError } from './errors.ts';
import { cos, log, log1p, sin } from './math.ts';

const STATE_WORDS = 624;
const SHIFT_WORDS = 397;
const TWO_POW_32 = 4294967296;
/** PyTorch's randint uses 64 bits for each value if high - low is at least this number. (Up to PyTorch 2.6 the limit was 2^32.) */
const WIDE_RANGE = 268435456;
/** floor((2^32-1)/20). For lengths of at least this number, PyTorch's randperm uses an algorithm that is not implemented here. */
const RANDPERM_LIMIT = 214748364;
/** PyTorch's default seed of a new generator, c10::detail::default_rng_seed_val. */
const DEFAULT_SEED = 67280421310721;

/** The state that decides a generator's future draws. It can be converted to JSON and back without loss. */
export interface GeneratorState {
  /** The 624 words of mt19937, each from 0 to 2^32-1. */
  readonly words: readonly number[];
  /** The number of words that are already used, 0 to 624. */
  readonly position: number;
  /** The second value of the last pair of normal draws, if it has not been returned yet. Otherwise null. */
  readonly nextNormal: number | null;
}

/** A generator of random draws, with the same draws as torch.Generator on the CPU. */
export class Generator {
  readonly #words = new Uint32Array(STATE_WORDS);
  #position = STATE_WORDS;
  #nextNormal: number | null = null;

  /** @param seed see {@link manualSeed}; default: PyTorch's default seed */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /**
   * Restarts the generator with a seed. As in PyTorch, only the low 32 bits of the seed matter.
   * @param seed a whole number of at least 0; a `number` can be at most 2^53-1
   * @throws ArgumentError if the seed is anything else
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

  /** Returns a copy of the state. {@link setState} of any generator accepts it. */
  getState(): GeneratorState {
    return { words: Array.from(this.#words), position: this.#position, nextNormal: this.#nextNormal };
  }

  /**
   * Sets the state. The next draws are then the draws that followed the {@link getState} that returned it.
   * @throws ArgumentError if the state is invalid. The generator is then unchanged
   */
  setState(state: GeneratorState): this {
    const { words, position, nextNormal } = state;
    if (words.length !== STATE_WORDS || !words.every((word) => Number.isInteger(word) && word >= 0 && word < TWO_POW_32)) {
      throw new ArgumentError(`a generator's state has ${STATE_WORDS} words of 32 bits, got ${words.length} values`);
    }
    if (!Number.isInteger(position) || position < 0 || position > STATE_WORDS) {
      throw new ArgumentError(`a generator's position must be from 0 to ${STATE_WORDS}, got ${position}`);
    }
    if (nextNormal !== null && !Number.isFinite(nextNormal)) {
      throw new ArgumentError(`a generator's next normal value must be null or a finite number, got ${nextNormal}`);
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

  /** Returns the next 32 bits, 0 to 2^32-1. */
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

  /** Returns the next 64 bits: two draws of 32 bits. The first draw gives the upper 32 bits. */
  random64(): bigint {
    const top = BigInt(this.random());
    return (top << 32n) | BigInt(this.random());
  }

  /** Returns the value of `torch.empty((), dtype=torch.int64).random_()`: 0 to 2^63-1. */
  randomInt63(): bigint {
    return BigInt.asUintN(63, this.random64());
  }

  /** Returns a float32 uniform draw from [0, 1). It uses the low 24 bits of a draw of 32 bits. */
  #uniform24(): number {
    return (this.random() & 0xffffff) / 16777216;
  }

  /** Returns a float64 uniform draw from [0, 1). It uses the low 53 bits of a draw of 64 bits. */
  #uniform53(): number {
    const top = this.random() & 0x1fffff;
    return (top * TWO_POW_32 + this.random()) / 9007199254740992;
  }

  /**
   * Fills `out` with draws from [low, high), as `Tensor.uniform_` does for its element type. Defaults: low 0, high 1.
   * @throws ArgumentError unless low <= high and both are finite
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
   * Fills `out` with normal draws, as `Tensor.normal_` does for its element type. Defaults: mean 0, std 1. As in PyTorch, fewer than 16
   * values are drawn one by one, and 16 or more values are drawn in blocks of 16; the two ways give different numbers. Values of float32
   * blocks differ from PyTorch's values by at most 1e-6, all other values by a few ulp.
   * @throws ArgumentError unless mean is finite, and std is finite and at least 0
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
      // The last values do not fill a block. As in PyTorch, the last 16 values are drawn again, also the values that a block has already
      // set.
      const start = out.length - 16;
      this.uniform_(out.subarray(start));
      fillBlock(out, start, mean, std);
    }
    return out;
  }

  /** Returns one standard normal value (Box–Muller in float64). */
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
   * Draws n whole numbers from low to high-1, as `torch.randint(low, high, (n,))` does.
   * @throws ArgumentError unless -2^31 <= low < high <= 2^31
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
   * Returns 0 to n-1 in random order, as `torch.randperm(n)` does.
   * @throws ArgumentError unless 0 <= n < 214748364, because PyTorch uses another algorithm for larger n
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

/** Returns 0 to n-1. */
function countUp(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return order;
}

const TWO_PI_32 = Math.fround(2 * Math.PI);

/**
 * Turns 16 uniform values into normal values in place (Box–Muller): the first 8 give the radii, the last 8 the angles. PyTorch computes in
 * float32, with or without AVX2, so the last bits of its results depend on the machine. Here each step is computed in float64 and rounded
 * to float32.
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

/** Does the same as {@link normalBlock32}, for float64 and without rounding to float32. */
function normalBlock64(block: FloatArray, start: number, mean: number, std: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = Math.sqrt(-2 * log(1 - block[i]));
    const angle = 2 * Math.PI * block[i + 8];
    block[i] = radius * cos(angle) * std + mean;
    block[i + 8] = radius * sin(angle) * std + mean;
  }
}

/**
 * Draws the seed that decides the order of an epoch. As an epoch of PyTorch's DataLoader (torch/utils/data) does, it draws a base seed and,
 * if `shuffle` is true, the seed of the sampler.
 * @param generator the run's generator. Two words are drawn from it, or four if `shuffle` is true
 * @returns the seed of the sampler, for {@link sampleOrder}; null if `shuffle` is false
 */
export function drawOrderSeed(generator: Generator, shuffle: boolean): bigint | null {
  generator.randomInt63();
  return shuffle ? generator.randomInt63() : null;
}

/**
 * Returns the order in which an epoch visits `length` samples: a permutation drawn with the seed, or 0 to length-1 if the seed is null.
 * @throws ArgumentError if there is a seed and {@link Generator.randperm} does not accept the length
 */
export function sampleOrder(seed: bigint | null, length: number): Uint32Array {
  return seed === null ? countUp(length) : new Generator(seed).randperm(length);
}

/** Draws the order of an epoch: calls {@link drawOrderSeed}, then {@link sampleOrder}. */
export function epochOrder(generator: Generator, length: number, shuffle: boolean): Uint32Array {
  return sampleOrder(drawOrderSeed(generator, shuffle), length);
}

let shared: Generator | undefined;

/** Returns the default generator. Functions that draw random numbers use it if they get no generator. Each thread has its own. */
export function defaultGenerator(): Generator {
  shared ??= new Generator();
  return shared;
}

/**
 * Restarts the default generator with a seed and returns it, as `torch.manual_seed(seed)` does.
 * @throws ArgumentError if {@link Generator.manualSeed} does not accept the seed
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator().manualSeed(seed);
}
