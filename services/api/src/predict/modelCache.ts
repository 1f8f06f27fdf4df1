// Networks that were used last, up to so many bytes together. One that alone takes more is used and not kept.
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

  /** Makes it the one used last; those used longest ago go. Its bytes are counted anew: they grow with what it was used for. */
  keep(key: string, model: Predictor): void {
    this.#models.delete(key);
    this.#models.set(key, model);
    for (const oldest of this.#models.keys()) {
      if (this.bytes <= this.#mostBytes) break;
      this.#models.delete(oldest);
    }
  }

  get bytes(): number {
    let sum = 0;
    for (const model of this.#models.values()) sum += model.bytes;
    return sum;
  }

  get size(): number {
    return this.#models.size;
  }
}
