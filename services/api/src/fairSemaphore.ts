// A semaphore that several keys share. Waiting keys take turns. The places that a key holds and its waiting callers can be limited.

export interface FairSemaphoreOptions {
  /** How many callers may hold a place at the same time. */
  readonly places: number;
  /** How many of these places one key may hold at the same time. Default: all. */
  readonly placesPerKey?: number;
  /** How many callers of one key may wait for a place. Default: no limit. */
  readonly waitingPerKey?: number;
  /** How many callers of all keys together may wait. Default: no limit. */
  readonly waiting?: number;
}

/** Thrown when too many callers are already waiting. */
export class TooManyWaitingError extends Error {
  /** Whether the caller's key has reached its limit. Otherwise all keys together have reached theirs. */
  readonly isOwnLimit: boolean;

  constructor(isOwnLimit: boolean) {
    super(isOwnLimit ? 'too many requests of this key are waiting' : 'too many requests are waiting');
    this.name = 'TooManyWaitingError';
    this.isOwnLimit = isOwnLimit;
  }
}

/** Gives the place back. Calling it again has no effect. */
export type Release = () => void;

type Start = (release: Release) => void;

export class FairSemaphore {
  readonly #options: Required<FairSemaphoreOptions>;
  /** How many places each key holds. A key that holds none is absent. */
  readonly #held = new Map<string, number>();
  /** The waiting callers of each key, oldest first. The first key has the next turn. A key without waiting callers is absent. */
  readonly #queues = new Map<string, Set<Start>>();
  #free: number;
  #waiting = 0;

  constructor({ places, placesPerKey = places, waitingPerKey = Infinity, waiting = Infinity }: FairSemaphoreOptions) {
    this.#options = { places, placesPerKey, waitingPerKey, waiting };
    this.#free = places;
  }

  /**
   * Waits for a place. Waiting keys take turns and get one place per turn. Within a key, the oldest caller comes first.
   * @throws TooManyWaitingError if a limit is reached
   * @throws the signal's reason if it is aborted before a place is free
   */
  async acquire(key: string, signal?: AbortSignal): Promise<Release> {
    signal?.throwIfAborted();
    const queue = this.#queues.get(key) ?? new Set();
    // A caller that can start at once does not wait.
    const startsAtOnce = queue.size === 0 && this.#hasPlaceFor(key);
    if (!startsAtOnce) {
      if (queue.size >= this.#options.waitingPerKey) throw new TooManyWaitingError(true);
      if (this.#waiting >= this.#options.waiting) throw new TooManyWaitingError(false);
    }
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    const leave = (): void => {
      this.#remove(key, resolve);
      reject(signal?.reason as Error);
    };
    queue.add(resolve);
    this.#queues.set(key, queue);
    this.#waiting += 1;
    signal?.addEventListener('abort', leave, { once: true });
    this.#fill();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /** Returns how many places a key could get now if no other key waited. */
  freeFor(key: string): number {
    return Math.max(0, Math.min(this.#free, this.#options.placesPerKey - this.heldBy(key)));
  }

  /** Returns how many places a key holds. */
  heldBy(key: string): number {
    return this.#held.get(key) ?? 0;
  }

  #hasPlaceFor(key: string): boolean {
    return this.freeFor(key) > 0;
  }

  #remove(key: string, start: Start): void {
    const queue = this.#queues.get(key);
    if (queue?.delete(start) !== true) return;
    this.#waiting -= 1;
    if (queue.size === 0) this.#queues.delete(key);
  }

  /** Gives free places to waiting callers. */
  #fill(): void {
    for (const [key, queue] of this.#queues) {
      if (!this.#hasPlaceFor(key)) continue;
      const [start] = queue;
      if (start === undefined) continue;
      this.#remove(key, start);
      // Moves the key to the end, so that all other keys have their turn first. The loop visits the key there again.
      this.#queues.delete(key);
      if (queue.size > 0) this.#queues.set(key, queue);
      this.#free -= 1;
      this.#held.set(key, this.heldBy(key) + 1);
      start(this.#releaseOf(key));
    }
  }

  #releaseOf(key: string): Release {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free += 1;
      const held = (this.#held.get(key) ?? 1) - 1;
      if (held === 0) this.#held.delete(key);
      else this.#held.set(key, held);
      this.#fill();
    };
  }
}
