// Limits the pixels of images that are decoded at the same time, so that the memory of large images is bounded.

/** The most pixels that are decoded at the same time. A larger image is decoded alone. */
const MOST_PIXELS = 2 ** 25;

export class PixelBudget {
  #used = 0;
  /** The images that wait, in the order of their arrival. */
  readonly #waiting: { readonly pixels: number; readonly begin: () => void }[] = [];

  /** Runs a step when there is room for the pixels of its image. */
  async run<T>(pixels: number, step: () => Promise<T>): Promise<T> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push({ pixels, begin: turn.resolve });
    this.#beginNext();
    await turn.promise;
    try {
      return await step();
    } finally {
      this.#used -= pixels;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used > 0 && this.#used + next.pixels > MOST_PIXELS) return;
      this.#waiting.shift();
      this.#used += next.pixels;
      next.begin();
    }
  }
}
