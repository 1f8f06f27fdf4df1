// Sees to it that no job stays `running` without a worker. As long as there are other workers, one of them takes over what a lost one
// had, sooner than this; here is what happens when none is there, or none is free.
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { reapJob } from './scripts/reapJob.ts';
import { runScript } from './scripts/script.ts';

/**
 * How long a running job has to be seen without a lease, in ms. A lease is lost for a moment when Redis was away: the worker takes
 * it again as soon as it is back.
 */
const graceMs = 12_000;

/** Running jobs looked at in one round trip. */
const pageSize = 500;

export class Reaper {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  /** Running jobs without a lease, and since when (ms) they have been seen so. */
  #suspects = new Map<string, number>();

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Queues jobs again whose worker is gone; to be called every few seconds by every process, any number of them at once.
   * @param now ms
   * @returns how many there were
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

  /** Begins the grace of every job anew: while Redis refused writes, no worker could renew a lease. */
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
    const [outcome] = await runScript(
      this.#redis,
      reapJob,
      [keys.job(jobId), keys.events(jobId), keys.lease(jobId)],
      [jobId, keys.eventChannel],
    );
    return outcome === 'reaped';
  }
}
