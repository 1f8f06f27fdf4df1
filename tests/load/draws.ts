// What a client draws, from its own part of the run's seed: its choices are the same in every run, whatever the others do.
import { Generator } from '@trainyard/engine';

export class Draws {
  readonly #generator: Generator;

  constructor(seed: number, client: number) {
    this.#generator = new Generator((seed + client * 0x9e3779b9) % 2 ** 32);
  }

  /** 0 … count − 1. */
  below(count: number): number {
    return Math.floor((this.#generator.random() / 2 ** 32) * count);
  }

  /** low … high. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  oneOf<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('there is nothing to draw from');
    return value;
  }
}
