// Shares a read among callers at the same time. A call while the same read waits to start gets its result. A call after the read has
// started gets the next one, so no caller gets data that is older than its call. Reads of one key never overlap, and a limited number
// of reads run at a time, in the order of the calls.

interface Waiting<T> {
  readonly key: string;
  readonly read: () => Promise<T>;
  readonly result: PromiseWithResolvers<T>;
}

export class SharedReads<T> {
  readonly #concurrency: number;
  /** In the order of their first caller. */
  readonly #waiting = new Map<string, Waiting<T>>();
  readonly #running = new Set<string>();

  /** @param concurrency how many reads may run at the same time */
  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** The result of `read`, or of another caller's `read` with this key. Rejects as it does. */
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
