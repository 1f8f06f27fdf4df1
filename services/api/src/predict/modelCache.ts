// Keeps the most recently used networks in memory, up to a total number of bytes. A network that is larger than this total is not kept.
import type { Predictor } from '@trainyard/engine/spec';

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

  /** Adds a network as the most recently used one, and evicts the least recently used ones until all fit. */
  keep(key: string, model: Predictor): void {
    this.#models.delete(key);
    this.#models.set(key, model);
    this.#shrink(this.#mostBytes);
  }

  /** Evicts networks until the rest has at most `bytes` bytes. The network `key` is evicted last. @returns whether a network was evicted */
  makeRoom(bytes: number, key: string): boolean {
    const model = this.#models.get(key);
    if (model !== undefined) this.keep(key, model);
    const before = this.#models.size;
    this.#shrink(Math.max(0, bytes));
    return this.#models.size < before;
  }

  /** The memory of all networks, in bytes. It is computed on each access, because the memory of a network can grow with each use. */
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
