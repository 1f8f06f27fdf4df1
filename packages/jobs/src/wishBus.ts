// How a wish to cancel or pause a job reaches the process that runs it. The message only wakes; the record says whether it is
// so, and is asked again whenever a message may have been missed.
import { type JobStatus, jobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { Subscription } from './events/subscription.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** What someone wants of a running job. */
export type Wish = 'cancel' | 'pause';

/** What the record says while a wish is to be met. */
const wishes: Partial<Record<string, Wish>> = { cancelling: 'cancel', pausing: 'pause' } satisfies Partial<Record<JobStatus, Wish>>;

/** The wish that this status of a job stands for. */
export function wishOf(status: JobStatus): Wish | null {
  return wishes[status] ?? null;
}

type OnWish = (wish: Wish) => void;

export interface WishBusOptions {
  /** For reading records. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. Both stay the caller's to close. */
  readonly subscriber: Redis;
  readonly prefix: string;
  /** Told when a record could not be read; it is read again with the next message or connection. */
  readonly onError?: (error: unknown) => void;
}

export class WishBus {
  readonly #options: WishBusOptions;
  readonly #keys: RedisKeys;
  readonly #watched = new Map<string, Set<OnWish>>();
  readonly #subscription: Subscription;

  constructor(options: WishBusOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.prefix);
    this.#subscription = new Subscription({
      subscriber: options.subscriber,
      channel: this.#keys.stopChannel,
      onMessage: (jobId) => void this.#look(jobId),
      onStanding: () => {
        for (const jobId of this.#watched.keys()) void this.#look(jobId);
      },
    });
  }

  /**
   * Watches over a job that this process runs. A wish that came before is noticed too.
   * @param onWish called when the job's record says so; perhaps more than once
   * @returns ends the watch
   */
  watch(jobId: string, onWish: OnWish): () => void {
    const watchers = this.#watched.get(jobId) ?? new Set();
    this.#watched.set(jobId, watchers.add(onWish));
    void this.#look(jobId);
    return () => {
      watchers.delete(onWish);
      if (watchers.size === 0 && this.#watched.get(jobId) === watchers) this.#watched.delete(jobId);
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
      const wish = status === null ? null : wishOf(jobStatus.parse(status));
      if (wish !== null) for (const onWish of this.#watched.get(jobId) ?? []) onWish(wish);
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}
