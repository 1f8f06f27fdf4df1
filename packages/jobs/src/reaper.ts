// Queues a running job again when its worker is lost, so that no job stays `running` without a worker. If another worker is free, it takes
// over the job earlier than this.
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { reapJob } from './scripts/jobs.ts';

/**
 * How long a running job must be without a lease before it is queued again, in ms. After an outage of Redis, its worker gets an expired
 * lease again within this time.
 */
const graceMs = 12_000;

/** Most running jobs that one round trip checks. */
const pageSize = 500;

export class Reaper {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  /** Running jobs without a lease, and the time (ms) when this was first seen. */
  #suspects = new Map<string, number>();

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Queues jobs of lost workers again. Call it every few seconds in every process; several processes may do so at the same time.
   * @param now the time in ms
   * @returns the number of jobs that were queued again
   */
  async sweep(now: number = Date.now()): Promise<number> {
    const suspects = new Map<string, number>();
    let reaped = 0;
    for (const jobId of await this.#withoutLease()) {
      const since = this.#suspects.get(jobId) ?? now;
      if (now - since < graceMs) suspects.set(jobId, since);
      else if (await this.#reap(jobId)) reaped += 1;
    }
    this.#suspects = suspects;
    return reaped;
  }

  /** Restarts the waiting time of every job. Call it after an outage of Redis, during which no worker could renew a lease. */
  forgetSuspects(): void {
    this.#suspects = new Map();
  }

  async #withoutLease(): Promise<string[]> {
    const found: string[] = [];
    for (let from = '-'; ; ) {
      const page = await this.#redis.zrange(this.#keys.list(undefined, 'running'), from, '+', 'BYLEX', 'LIMIT', 0, pageSize);
      const pipeline = this.#redis.pipeline();
      for (const jobId of page) pipeline.exists(this.#keys.lease(jobId));
      const replies = (await pipeline.exec()) ?? [];
      for (const [error] of replies) if (error) throw error;
      found.push(...page.filter((_, at) => replies[at]?.[1] === 0));
      if (page.length < pageSize) return found;
      from = `(${page.at(-1)}`;
    }
  }

  async #reap(jobId: string): Promise<boolean> {
    const keys = this.#keys;
    const [outcome] = await reapJob(this.#redis, { job: keys.job(jobId), lease: keys.lease(jobId), tag: keys.tag, jobId });
    return outcome === 'reaped';
  }
}
