// Keeps training children warm: as many as there are jobs at a time, and one spare, so that a job never waits for a
// process to start, also right after a child was killed. It replaces a child after a fault, after many jobs, and when
// the last job left it large (WASM memory never shrinks). It knows nothing of jobs.
import type { TrainingChild } from './trainingChild.ts';

export interface PoolOptions {
  /** Jobs at a time. */
  size: number;
  /** Children beside those for jobs, so that one that has ended is replaced at once. Default 1. */
  spares?: number;
  /** Starts a child and resolves when it is warm; gives it up when the signal aborts. */
  start: (signal: AbortSignal) => Promise<TrainingChild>;
  /** Jobs after which a child is replaced. */
  runsPerChild: number;
  /** A child that holds more memory than this after a job is replaced. */
  residentBytesLimit: number;
  /** Told when a child could not be started; the pool tries again by itself. */
  onStartError: (error: unknown) => void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export class ChildPool {
  readonly #options: PoolOptions;
  readonly #spares: number;
  readonly #idle: TrainingChild[] = [];
  readonly #alive = new Set<TrainingChild>();
  readonly #waiting: ((child: TrainingChild) => void)[] = [];
  readonly #starting = new Set<Promise<void>>();
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  readonly #first = Promise.withResolvers<void>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#spares = options.spares ?? 1;
    // Whoever does not ask for it need not hear of a failure twice.
    this.#first.promise.catch(() => {});
    this.#fill();
  }

  /** Resolves when the first child is warm. @throws what kept it from starting */
  ready(): Promise<void> {
    return this.#first.promise;
  }

  /** How many children wait for a job. */
  get idle(): number {
    return this.#idle.length;
  }

  /**
   * A warm child, at once while one is idle. Give it back with `release`.
   * @throws the reason of a signal that aborts the waiting
   */
  async acquire(signal: AbortSignal): Promise<TrainingChild> {
    signal.throwIfAborted();
    // One that has just ended is taken out of the list a moment later.
    const child = this.#idle.filter(({ alive }) => alive).at(-1);
    if (child !== undefined) {
      this.#idle.splice(this.#idle.indexOf(child), 1);
      return child;
    }
    return await new Promise((resolve, reject) => {
      const take = (next: TrainingChild): void => {
        signal.removeEventListener('abort', leave);
        resolve(next);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Takes a child back. One that is dead, worn or `faulty` is replaced. */
  release(child: TrainingChild, faulty = false): void {
    const { runsPerChild, residentBytesLimit } = this.#options;
    if (this.#closed || faulty || !child.alive || child.runs >= runsPerChild || child.residentBytes > residentBytesLimit) {
      this.#discard(child);
    } else {
      this.#offer(child);
    }
  }

  /** Ends all children, also those at work, and waits until they are gone. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the pool is closed'));
    clearTimeout(this.#retryTimer);
    await Promise.all(this.#starting);
    const children = [...this.#alive];
    for (const child of children) {
      child.kill();
    }
    await Promise.all(children.map((child) => child.exited));
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  #offer(child: TrainingChild): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(child);
    } else {
      this.#idle.push(child);
    }
  }

  #discard(child: TrainingChild): void {
    child.kill();
    this.#forget(child);
    this.#fill();
  }

  #forget(child: TrainingChild): void {
    this.#alive.delete(child);
    const index = this.#idle.indexOf(child);
    if (index >= 0) {
      this.#idle.splice(index, 1);
    }
  }

  #fill(): void {
    while (!this.#closed && this.#retryTimer === undefined && this.#alive.size + this.#starting.size < this.#options.size + this.#spares) {
      const starting = this.#startOne().finally(() => this.#starting.delete(starting));
      this.#starting.add(starting);
    }
  }

  async #startOne(): Promise<void> {
    try {
      const child = await this.#options.start(this.#closing.signal);
      this.#retryMs = FIRST_RETRY_MS;
      this.#first.resolve();
      this.#alive.add(child);
      void child.exited.then(() => {
        this.#forget(child);
        this.#fill();
      });
      if (this.#closed) {
        child.kill();
      } else {
        this.#offer(child);
      }
    } catch (error) {
      this.#first.reject(error);
      if (!this.#closed) {
        this.#options.onStartError(error);
        this.#retryLater();
      }
    }
  }

  #retryLater(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#fill();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}
