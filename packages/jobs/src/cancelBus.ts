// How a wish to cancel reaches the process that runs the job. The message only wakes; the record says whether it is so,
// and is asked again whenever a message may have been missed.
import type { Redis } from 'ioredis';
import { Subscription } from './events/subscription.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** A running job under watch. */
export interface CancelWatch {
  /** Aborted when the job's record says `cancelling`. */
  readonly signal: AbortSignal;
  /** Ends the watch; the signal stays as it is. */
  stop(): void;
}

export interface CancelBusOptions {
  /** For reading records. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. Both stay the caller's to close. */
  readonly subscriber: Redis;
  readonly prefix: string;
  /** Told when a record could not be read; it is read again with the next message or connection. */
  readonly onError?: (error: unknown) => void;
}

export class CancelBus {
  readonly #options: CancelBusOptions;
  readonly #keys: RedisKeys;
  readonly #watched = new Map<string, Set<AbortController>>();
  readonly #subscription: Subscription;

  constructor(options: CancelBusOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.prefix);
    this.#subscription = new Subscription({
      subscriber: options.subscriber,
      channel: this.#keys.cancelChannel,
      onMessage: (jobId) => void this.#look(jobId),
      onStanding: () => {
        for (const jobId of this.#watched.keys()) void this.#look(jobId);
      },
    });
  }

  /** Watches over a job that this process runs. A wish that came before is noticed too. */
  watch(jobId: string): CancelWatch {
    const controller = new AbortController();
    const controllers = this.#watched.get(jobId) ?? new Set();
    this.#watched.set(jobId, controllers.add(controller));
    void this.#look(jobId);
    return {
      signal: controller.signal,
      stop: () => {
        controllers.delete(controller);
        if (controllers.size === 0 && this.#watched.get(jobId) === controllers) this.#watched.delete(jobId);
      },
    };
  }

  /** Ends all watches. Safe to call twice. */
  async close(): Promise<void> {
    this.#watched.clear();
    await this.#subscription.close();
  }

  async #look(jobId: string): Promise<void> {
    if (!this.#watched.has(jobId)) return;
    try {
      const status = await this.#options.redis.hget(this.#keys.job(jobId), 'status');
      if (status !== 'cancelling') return;
      for (const controller of this.#watched.get(jobId) ?? []) controller.abort(new Error(`${jobId} was cancelled`));
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}
