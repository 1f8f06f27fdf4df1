// Decides which webhooks of ended jobs to send, and records the results. The script that ends a job also adds it to `RedisKeys.ended`, so
// that no crash loses a webhook. From there the webhook goes into its own BullMQ queue, which decides when to send it and when to retry.
// The API sends the HTTP requests.
import { createHash } from 'node:crypto';
import { type FinalStatus, isFinal, type JobStatus, type WebhookMessage } from '@trainyard/contracts';
import { type ConnectionOptions, type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { JobNotFoundError, JobStateError, JobsError } from './errors.ts';
import { newWebhookState, type Webhook, type WebhookState } from './record.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { parkWebhook, redeliverWebhook, takeEnded, takeParkedWebhook, writeWebhookState } from './scripts/webhooks.ts';
import { queueStates } from './trainQueue.ts';

/** The name of the queue, for BullMQ's `Worker`. */
export const webhookQueueName = 'webhooks';

/** The maximum number of attempts to send a webhook. After the last one it has failed. */
export const webhookAttempts = 10;

/** Interval at which a process announces that it sends to private addresses, in ms. */
export const announceEveryMs = 10_000;

/** How long nothing is sent to an address that has answered 410 Gone, in seconds. */
const goneSeconds = 30 * 24 * 60 * 60;

/** Ended jobs younger than this are left to the process that was notified of the end, in ms. */
const endedGraceMs = 5_000;

/** The maximum number of webhooks that are added to the queue at the same time. */
const dispatchedAtOnce = 100;

/** The data of an entry of the queue. */
export interface WebhookDelivery {
  readonly jobId: string;
  /** 0 for the first delivery. Each requested redelivery adds 1. */
  readonly round: number;
}

/** A webhook that is to be sent now. */
export interface DueWebhook extends Webhook {
  /** The owner of the job. */
  readonly owner: string;
  readonly message: WebhookMessage;
  /** Whether the receiver has answered 410 Gone, for this job or another one of the owner. */
  readonly isGone: boolean;
  /** See {@link traceparentOf}. Null if the request that created the job was not traced. */
  readonly traceparent: string | null;
}

/** The job has no webhook. */
export class NoWebhookError extends JobsError {
  constructor(jobId: string) {
    super('noWebhook', `${jobId} has no webhook`);
  }
}

export class WebhookStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #queue: Queue<WebhookDelivery>;
  /** Webhooks that wait until their owner may send more. */
  readonly parked: ParkedWebhooks;

  /** @param options.redis any connection except a subscriber's. The caller closes it */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly onError?: (error: Error) => void }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    // Converts the type: BullMQ's type is for ioredis 5 and 6, and ours is 6.
    const connection: ConnectionOptions = options.redis;
    this.#queue = new Queue(webhookQueueName, {
      connection,
      prefix: this.#keys.tag,
      skipVersionCheck: true,
      defaultJobOptions: { attempts: webhookAttempts, backoff: { type: 'custom' }, removeOnComplete: true, removeOnFail: true },
    });
    this.#queue.on('error', (error) => options.onError?.(error));
    this.parked = new ParkedWebhooks({ redis: options.redis, keys: this.#keys, queue: this.#queue });
  }

  /** The channel that publishes the ids of ended jobs. */
  get channel(): string {
    return this.#keys.ended;
  }

  /** Adds the webhook of an ended job to the queue. Safe to repeat, also by several processes at the same time. */
  async dispatch(jobId: string): Promise<void> {
    const [webhook, current, owner] = await this.#redis.hmget(this.#keys.job(jobId), 'webhook', 'webhookRound', 'owner');
    const round = Number(current ?? 0);
    if (webhook === null) {
      // The job has a sweep but no webhook, or it was deleted meanwhile.
      await this.#redis.zrem(this.#keys.ended, jobId);
      return;
    }
    await this.parked.add(owner ?? '', webhookQueueName, { jobId, round }, `${jobId}-${round}`);
    await takeEnded(this.#redis, { job: this.#keys.job(jobId), ended: this.#keys.ended, jobId, round });
  }

  /**
   * Dispatches the webhooks of ended jobs that no process was notified of, a limited number at a time. Call it every few seconds in every
   * process that sends webhooks.
   * @returns the number of these jobs
   */
  async reconcile(olderThanMs: number = endedGraceMs): Promise<number> {
    const jobIds = await this.#redis.zrangebyscore(this.#keys.ended, '-inf', Date.now() - olderThanMs);
    for (let from = 0; from < jobIds.length; from += dispatchedAtOnce) {
      await Promise.all(jobIds.slice(from, from + dispatchedAtOnce).map(async (jobId) => await this.dispatch(jobId)));
    }
    return jobIds.length;
  }

  /**
   * Sends a webhook again, even if its receiver has answered 410 Gone.
   * @throws JobNotFoundError if the job does not exist
   * @throws NoWebhookError if the job has no webhook
   * @throws JobStateError if the job has not ended
   */
  async redeliver(jobId: string): Promise<void> {
    const record = this.#keys.job(jobId);
    const [owner, webhook] = await this.#redis.hmget(record, 'owner', 'webhook');
    const gone = webhook ? this.#gone(owner ?? '', (JSON.parse(webhook) as Webhook).url) : this.#keys.webhookGone('none');
    const state: WebhookState = { ...newWebhookState, status: 'pending' };
    const [outcome, status] = await redeliverWebhook(this.#redis, {
      job: record,
      ended: this.#keys.ended,
      gone,
      jobId,
      state: JSON.stringify(state),
    });
    if (outcome === 'missing') throw new JobNotFoundError(jobId);
    if (outcome === 'none') throw new NoWebhookError(jobId);
    if (outcome === 'refused') throw new JobStateError(jobId, 'redeliver the webhook of', status);
  }

  /** Returns the webhook to send; null if it was already sent, if a later round sends it, or if the job was deleted. */
  async due({ jobId, round }: WebhookDelivery): Promise<DueWebhook | null> {
    const fields = ['status', 'finishedAt', 'owner', 'webhook', 'webhookRound', 'webhookState', 'traceparent'] as const;
    const [status, finishedAt, owner, webhook, current, state, traceparent = null] = await this.#redis.hmget(
      this.#keys.job(jobId),
      ...fields,
    );
    if (!status || !finishedAt || !webhook || !isFinal(status as JobStatus) || Number(current ?? 0) !== round) return null;
    if (state && (JSON.parse(state) as WebhookState).status !== 'pending') return null;
    const { url, secret } = JSON.parse(webhook) as Webhook;
    const isGone = (await this.#redis.exists(this.#gone(owner ?? '', url))) === 1;
    const message: WebhookMessage = { type: `job.${status as FinalStatus}`, timestamp: finishedAt, data: { id: jobId } };
    return { url, secret, owner: owner ?? '', isGone, message, traceparent };
  }

  /** Records the result of an attempt. `disabled` applies to all webhooks of the owner with this address. */
  async report({ jobId, round }: WebhookDelivery, state: WebhookState): Promise<void> {
    const record = this.#keys.job(jobId);
    const [outcome] = await writeWebhookState(this.#redis, { job: record, round, state: JSON.stringify(state) });
    if (outcome === 'stale' || state.status !== 'disabled') return;
    const [owner, webhook] = await this.#redis.hmget(record, 'owner', 'webhook');
    if (webhook) await this.#redis.set(this.#gone(owner ?? '', (JSON.parse(webhook) as Webhook).url), '1', 'EX', goneSeconds);
  }

  /** Announces that this process sends to private addresses. Repeat it every {@link announceEveryMs}. */
  async announcePrivate(): Promise<void> {
    await this.#redis.set(this.#keys.privateWebhooks, '1', 'PX', 3 * announceEveryMs);
  }

  /** Whether any process sends to private addresses. */
  async isPrivateAnnounced(): Promise<boolean> {
    return (await this.#redis.exists(this.#keys.privateWebhooks)) === 1;
  }

  /** Returns the number of deliveries in the queue, by BullMQ's states. */
  async depths(): Promise<Readonly<Record<string, number>>> {
    return await this.#queue.getJobCounts(...queueStates);
  }

  /** Closes the queue. The connection stays open. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** Returns the key of an address in Redis. It contains only a digest, because an address may contain secrets. */
  #gone(owner: string, url: string): string {
    return this.#keys.webhookGone(
      createHash('sha256')
        .update(JSON.stringify([owner, url]))
        .digest('hex'),
    );
  }
}

/** Longest time that a webhook stays parked, in ms. After that the queue sends it, even if the record of parked webhooks was lost. */
const longestParkedMs = 10 * 60_000;

/**
 * Parks webhooks whose owner already sends as many webhooks at the same time as it may. A parked webhook is a delayed entry of the queue,
 * so that webhooks of other owners do not wait behind it. When the owner may send again, the webhook that has waited longest is unparked.
 */
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
