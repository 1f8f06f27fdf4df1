// Reads that many want at once are done once. Who asks while the same read waits for its turn gets its result; who asks
// after it has begun gets the next one, so nobody gets what was read before it asked. Only so many reads run at a time, in
// the order in which they were asked for.

interface Waiting<T> {
  readonly key: string;
  readonly read: () => Promise<T>;
  readonly result: PromiseWithResolvers<T>;
}

export class SharedReads<T> {
  readonly #concurrency: number;
  /** In the order of their first caller. */
  readonly #waiting = new Map<string, Waiting<T>>();
  #running = 0;

  /** @param concurrency how many reads may run at the same time */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** The result of `read`, which stands for all reads with this key. Rejects as it does. */
  async get(key: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key) ?? { key, read, result: Promise.withResolvers<T>() };
    this.#waiting.set(key, waiting);
    this.#startNext();
    return await waiting.result.promise;
  }

  #startNext(): void {
    if (this.#running >= this.#concurrency) return;
    const [next] = this.#waiting.values();
    if (next === undefined) return;
    this.#waiting.delete(next.key);
    this.#running += 1;
    const { resolve, reject } = next.result;
    void next
      .read()
      .then(resolve, reject)
      .finally(() => {
        this.#running -= 1;
        this.#startNext();
      });
  }
}
