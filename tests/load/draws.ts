// The random numbers of one client. They depend only on the seed of the run and the number of the client, so a client makes the same
// choices in every run.
import { Generator } from '@trainyard/engine';

export class Draws {
  readonly #generator: Generator;

  constructor(seed: number, client: number) {
    this.#generator = new Generator((seed + client * 0x9e3779b9) % 2 ** 32);
  }

  /** Returns a random integer from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor((this.#generator.random() / 2 ** 32) * count);
  }

  /** Returns a random integer from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  oneOf<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('there is nothing to draw from');
    return value;
  }
}
