// The networks that were used last, up to a number of bytes together. A network that alone has more is not kept.
import type { Predictor } from '@trainyard/engine';

export class ModelCache {
  readonly #mostBytes: number;
  /** In the order of their last use. */
  readonly #models = new Map<string, Predictor>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(key: string): Predictor | undefined {
    return this.#models.get(key);
  }

  /** Makes it the one that was used last. Those that were used longest ago go, until there is room. */
  keep(key: string, model: Predictor): void {
    this.#models.delete(key);
    this.#models.set(key, model);
    this.#shrink(this.#mostBytes);
  }

  /** Removes networks until the others have at most `bytes`. The network `key` is removed last. @returns whether one was removed */
  makeRoom(bytes: number, key: string): boolean {
    const model = this.#models.get(key);
    if (model !== undefined) this.keep(key, model);
    const before = this.#models.size;
    this.#shrink(Math.max(0, bytes));
    return this.#models.size < before;
  }

  /** Memory of all networks. It is counted anew each time, because a network's memory grows with what it is used for. */
  get bytes(): number {
    let sum = 0;
    for (const model of this.#models.values()) sum += model.bytes;
    return sum;
  }

  #shrink(mostBytes: number): void {
    for (const oldest of this.#models.keys()) {
      if (this.bytes <= mostBytes) break;
      this.#models.delete(oldest);
    }
  }
}
