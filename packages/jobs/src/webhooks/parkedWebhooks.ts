// Webhooks whose owner already sends as many at a time as it may. They are delayed entries of the queue, so that the webhooks of other
// owners do not wait behind them. When the owner has a place again, the one that waits longest goes back into line.
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';
import { parkWebhook, takeParkedWebhook } from '../scripts/parkedWebhooks.ts';
import { runScript } from '../scripts/script.ts';
import type { WebhookDelivery } from './webhookStore.ts';

/** A parked webhook goes back into line after so many ms in any case, should all records of it be lost. */
const longestParkedMs = 10 * 60_000;

export class ParkedWebhooks {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #queue: Queue<WebhookDelivery>;

  constructor(options: { readonly redis: Redis; readonly keys: RedisKeys; readonly queue: Queue<WebhookDelivery> }) {
    this.#redis = options.redis;
    this.#keys = options.keys;
    this.#queue = options.queue;
  }

  /** Takes an active entry of the queue out of line. The caller then throws BullMQ's DelayedError. */
  async park(owner: string, job: Job<WebhookDelivery>, token: string | undefined): Promise<void> {
    await job.moveToDelayed(Date.now() + parkedMs(), token);
    // Only now: an entry that is still active cannot go back into line.
    if (job.id !== undefined) await this.#note(owner, job.id, job.timestamp);
  }

  /** Adds an entry to the queue; out of line if the owner has parked ones already, so that a thousand at once hold nobody up. */
  async add(owner: string, name: string, delivery: WebhookDelivery, id: string): Promise<void> {
    const isParked = (await this.#redis.exists(this.#keys.parkedWebhooks(owner))) === 1;
    await this.#queue.add(name, delivery, { jobId: id, ...(isParked && { delay: parkedMs() }) });
    if (isParked) await this.#note(owner, id, Date.now());
  }

  /** Puts up to `count` parked webhooks of an owner back into line, oldest first. */
  async unpark(owner: string, count: number): Promise<void> {
    const keys = [this.#keys.parkedWebhooks(owner), this.#keys.parkedOwners];
    for (let back = 0; back < count; ) {
      const [outcome, id] = await runScript(this.#redis, takeParkedWebhook, keys, [owner]);
      if (outcome === 'none') return;
      if (await this.#promote(String(id))) back += 1;
    }
  }

  /** The owners that have parked webhooks. */
  async owners(): Promise<readonly string[]> {
    return await this.#redis.smembers(this.#keys.parkedOwners);
  }

  async #note(owner: string, id: string, sinceMs: number): Promise<void> {
    const keys = [this.#keys.parkedWebhooks(owner), this.#keys.parkedOwners];
    await runScript(this.#redis, parkWebhook, keys, [owner, id, sinceMs]);
  }

  /** False for an entry that is not parked any more: another process put it back, or it was sent. */
  async #promote(id: string): Promise<boolean> {
    const job = await this.#queue.getJob(id);
    if (job === undefined || !(await job.isDelayed())) return false;
    try {
      await job.promote();
      return true;
    } catch (error) {
      // Between the two commands another process was faster.
      if (await job.isDelayed()) throw error;
      return false;
    }
  }
}

/** With jitter, so that they do not all go back at once. */
const parkedMs = (): number => Math.round(longestParkedMs * (0.75 + Math.random() / 2));
