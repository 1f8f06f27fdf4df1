// Shares reads among callers. Calls with the same key share one read until it starts; later calls share the next read, so no caller gets
// data that is older than its call. Reads of one key never overlap. A limited number of reads run at the same time, in the order of the
// calls.

interface Waiting<T> {
  readonly key: string;
  readonly read: () => Promise<T>;
  readonly result: PromiseWithResolvers<T>;
}

export class SharedReads<T> {
  readonly #concurrency: number;
  /** Reads that have not started, in the order of their first callers. */
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #running = new Set<string>();

  /** @param concurrency how many reads may run at the same time */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Returns the result of `read`, or of another caller's `read` with the same key. Rejects with the error of that read. */
  async get(key: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key) ?? { key, read, result: Promise.withResolvers<T>() };
    this.#waiting.set(key, waiting);
    this.#startNext();
    return await waiting.result.promise;
  }

  #startNext(): void {
    if (this.#running.size >= this.#concurrency) return;
    let next: Waiting<T> | undefined;
    for (const waiting of this.#waiting.values()) {
      if (this.#running.has(waiting.key)) continue;
      next = waiting;
      break;
    }
    if (next === undefined) return;
    const { key, read, result } = next;
    this.#waiting.delete(key);
    this.#running.add(key);
    void read()
      .then(result.resolve, result.reject)
      .finally(() => {
        this.#running.delete(key);
        this.#startNext();
      });
  }
}
