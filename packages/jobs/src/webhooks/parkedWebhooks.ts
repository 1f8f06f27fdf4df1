// Parks webhooks whose owner already sends as many webhooks at the same time as it may. A parked webhook is a delayed entry of the queue, so
// that webhooks of other owners do not wait behind it. When the owner may send again, the webhook that has waited longest is unparked.
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { RedisKeys } from '../redis/keys.ts';
import { parkWebhook, takeParkedWebhook } from '../scripts/webhooks.ts';
import type { WebhookDelivery } from './webhookStore.ts';

/** Longest time that a webhook stays parked, in ms. After that the queue sends it, even if the record of parked webhooks was lost. */
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

  /** Parks an active entry of the queue. The caller then throws BullMQ's DelayedError. */
  async park(owner: string, job: Job<WebhookDelivery>, token: string | undefined): Promise<void> {
    await job.moveToDelayed(Date.now() + parkedMs(), token);
    // Recorded only now, because an entry that is still active cannot be unparked.
    if (job.id !== undefined) await this.#note(owner, job.id, job.timestamp);
  }

  /** Adds an entry to the queue. It is parked at once if the owner already has parked entries, so that it does not delay other owners. */
  async add(owner: string, name: string, delivery: WebhookDelivery, id: string): Promise<void> {
    const isParked = (await this.#redis.exists(this.#keys.parkedWebhooks(owner))) === 1;
    await this.#queue.add(name, delivery, { jobId: id, ...(isParked && { delay: parkedMs() }) });
    if (isParked) await this.#note(owner, id, Date.now());
  }

  /** Unparks up to `count` webhooks of an owner, oldest first. */
  async unpark(owner: string, count: number): Promise<void> {
    const input = { parked: this.#keys.parkedWebhooks(owner), owners: this.#keys.parkedOwners, owner };
    for (let back = 0; back < count; ) {
      const [outcome, id] = await takeParkedWebhook(this.#redis, input);
      if (outcome === 'none') return;
      if (await this.#promote(id)) back += 1;
    }
  }

  /** Returns the owners that have parked webhooks. */
  async owners(): Promise<readonly string[]> {
    return await this.#redis.smembers(this.#keys.parkedOwners);
  }

  async #note(owner: string, id: string, sinceMs: number): Promise<void> {
    const keys = this.#keys;
    const input = { parked: keys.parkedWebhooks(owner), owners: keys.parkedOwners, owner };
    await parkWebhook(this.#redis, { ...input, queueId: id, queuedMs: sinceMs });
  }

  /** Makes a delayed entry due. Returns false if it is not delayed any more: another process unparked it, or it was sent. */
  async #promote(id: string): Promise<boolean> {
    const job = await this.#queue.getJob(id);
    if (job === undefined || !(await job.isDelayed())) return false;
    try {
      await job.promote();
      return true;
    } catch (error) {
      // Another process may have unparked it after the check above.
      if (await job.isDelayed()) throw error;
      return false;
    }
  }
}

/** Adds jitter so that parked webhooks do not all return to the queue at the same time. */
const parkedMs = (): number => Math.round(longestParkedMs * (0.75 + Math.random() / 2));
