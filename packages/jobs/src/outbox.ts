// The second half of making a job, or of making one due again: its entry in the queue, after its record, which says by an entry in the
// outbox that it may not be there yet. Whatever a crash leaves between the two is found by that. It decides nothing about jobs.
import type { Redis } from 'ioredis';
import { batched } from './batched.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { deliveryKeys, type QueueEntry, type TrainQueue } from './trainQueue.ts';

/** Entries younger than this are still being put into the queue by whoever made them. */
const graceMs = 5_000;

/** Entries that go to the queue in one round trip at most: more would hold up Redis for others. */
const entriesAtOnce = 100;

export class Outbox {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #queue: TrainQueue;

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly queue: TrainQueue }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#queue = options.queue;
  }

  /** Puts a job that was just made into the queue; many at once go together. Safe to repeat. */
  readonly enqueueNew = batched<QueueEntry>(async (entries) => {
    await this.#queue.addAll(entries);
    await this.#remove(entries.map(({ jobId }) => jobId));
  }, entriesAtOnce);

  /**
   * Puts a job into the queue that may have been there before. Safe to repeat. While a worker still closes an earlier delivery of
   * it, which keeps another out, the outbox entry stays, until a worker claims the job.
   */
  async enqueue(jobId: string): Promise<void> {
    await this.#enqueueAll([jobId]);
  }

  /**
   * Finishes what crashes left behind, some entries at a time, so that many of them hold nobody up; to be called every few seconds by
   * every process, any number of them at once.
   * @param olderThanMs leaves younger entries to their makers
   * @returns how many jobs it put into the queue
   */
  async reconcile(olderThanMs: number = graceMs): Promise<number> {
    const until = Date.now() - olderThanMs;
    let [done, kept] = [0, 0];
    for (;;) {
      const page = await this.#redis.zrange(this.#keys.outbox, '-inf', String(until), 'BYSCORE', 'LIMIT', kept, entriesAtOnce);
      if (page.length === 0) return done;
      kept += await this.#enqueueAll(page);
      done += page.length;
    }
  }

  /** @returns how many entries stay in the outbox */
  async #enqueueAll(jobIds: readonly string[]): Promise<number> {
    const pipeline = this.#redis.pipeline();
    for (const jobId of jobIds) pipeline.hget(this.#keys.job(jobId), 'priority').exists(deliveryKeys(this.#keys.tag, jobId).lock);
    const replies = (await pipeline.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    await this.#queue.addAll(jobIds.map((jobId, at) => ({ jobId, priority: Number(replies[2 * at]?.[1] ?? 0) })));
    const free = jobIds.filter((_, at) => replies[2 * at + 1]?.[1] === 0);
    await this.#remove(free);
    return jobIds.length - free.length;
  }

  async #remove(jobIds: readonly string[]): Promise<void> {
    if (jobIds.length > 0) await this.#redis.zrem(this.#keys.outbox, ...jobIds);
  }
}
