// Keeps training children warm: one for each concurrent job, and one spare. So a job need not wait for a process to start, even right
// after a child was killed. The pool replaces a child after a fault, after many jobs, and when it holds too much memory after a job: WASM
// memory never shrinks.
import type { TrainingChild } from './trainingChild.ts';

export interface PoolOptions {
  /** The number of concurrent jobs. */
  size: number;
  /** The number of additional warm children. If a child ends, a spare one takes its place without delay. Default 1. */
  spares?: number;
  /** Starts a child and resolves when it is warm. Cancels the start when the signal is aborted. */
  start: (signal: AbortSignal) => Promise<TrainingChild>;
  /** The number of jobs after which a child is replaced. */
  runsPerChild: number;
  /** A child that holds more memory than this after a job is replaced. */
  residentBytesLimit: number;
  /** Called if a child could not be started. The pool retries by itself. */
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
    // `onStartError` reports a failed start. Without this handler, the failure would end the process if nobody calls `ready`.
    this.#first.promise.catch(() => {});
    this.#fill();
  }

  /** Resolves when the first child is warm. @throws the error of the first start, if that fails */
  ready(): Promise<void> {
    return this.#first.promise;
  }

  /** The number of idle children: they are warm and have no job. */
  get idle(): number {
    return this.#idle.length;
  }

  /**
   * Returns a warm child: at once if one is idle, otherwise as soon as one is free. Give it back with `release`.
   * @throws the reason of the signal that ended the wait
   */
  async acquire(signal: AbortSignal): Promise<TrainingChild> {
    signal.throwIfAborted();
    // Skips children that have just ended, because they stay in the list for a moment.
    const child = this.#idle.filter(({ alive }) => alive).at(-1);
    if (child !== undefined) {
      this.#idle.splice(this.#idle.indexOf(child), 1);
      return child;
    }
    return await new Promise((resolve, reject) => {
      const take = (next: TrainingChild): void => {
        signal.removeEventListener('abort', stopWaiting);
        resolve(next);
      };
      const stopWaiting = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal.reason as Error);
      };
      this.#waiting.push(take);
      signal.addEventListener('abort', stopWaiting, { once: true });
    });
  }

  /** Takes a child back. Replaces it if it is dead or `faulty`, has run too many jobs or holds too much memory. */
  release(child: TrainingChild, faulty = false): void {
    const { runsPerChild, residentBytesLimit } = this.#options;
    if (this.#closed || faulty || !child.alive || child.runs >= runsPerChild || child.residentBytes > residentBytesLimit) {
      this.#discard(child);
    } else {
      this.#offer(child);
    }
  }

  /** Kills all children, also those with a job, and waits until they have ended. */
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
