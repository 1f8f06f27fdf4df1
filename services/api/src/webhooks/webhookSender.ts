// Sends the webhooks of ended jobs from a separate queue. The pauses between retries grow and have jitter, so that a receiver that was down
// does not get all webhooks at once. Each key has a limited number of places, so that slow receivers of one key do not delay the webhooks
// of other keys. A receiver can never affect a job. Several processes may send webhooks at the same time.
import {
  announceEveryMs,
  answeredSoon,
  type DueWebhook,
  isRedisUnavailable,
  redisKeys,
  servicePrefix,
  Subscription,
  type WebhookDelivery,
  webhookAttempts,
  webhookQueueName,
  type WebhookStore,
} from '@trainyard/jobs';
import { type ConnectionOptions, DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import type { FastifyBaseLogger } from 'fastify';
import type { Redis } from 'ioredis';
import { FairSemaphore, type Release, TooManyWaitingError } from '../fairSemaphore.ts';
import { PrivateAddressError, type Resolve } from './addressGuard.ts';
import { AttemptError, describe, LeftError, type MissingSetting, NoPlaceError, refusal, StoppingError } from './deliveryErrors.ts';
import { queryDns, SystemLookups } from './resolveHost.ts';
import { inSendSpan } from './sendSpan.ts';
import { type Receipt, sendWebhook } from './sendWebhook.ts';

/** The operator's settings for webhooks. */
export interface WebhookPolicy {
  /** The secret that signs the messages of jobs without their own secret. `null` if the operator set none. */
  readonly secret: string | null;
  /** Whether addresses of this machine and its network are allowed. */
  readonly allowPrivate: boolean;
}

export interface WebhookSenderOptions extends WebhookPolicy {
  readonly store: WebhookStore;
  /** A connection with role `worker`. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. The caller closes both connections. */
  readonly subscriber: Redis;
  readonly prefix?: string;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
  /** Called with errors of Redis. Default: errors other than outages are logged. */
  readonly onError?: (error: unknown) => void;
  /** The pause before the second attempt, in ms. Each later pause is three times as long. Default 5,000. */
  readonly firstPauseMs?: number;
  /** How long an attempt may take, in ms. Default 10,000. */
  readonly timeoutMs?: number;
  /** How many webhooks this process sends at the same time. Default 200. */
  readonly places?: number;
  /** How many webhooks of one key this process sends at the same time. Default 10. */
  readonly placesPerKey?: number;
  /** Finds the addresses of a host. Default: queries the DNS, or with `allowPrivate` asks the operating system. */
  readonly resolve?: Resolve;
  /** Called for each delivery that this process leaves to another one, with the setting that it lacks. */
  readonly onLeft?: (setting: MissingSetting) => void;
  /** The pause before any process tries a delivery again that this process left, in ms. The pause doubles each time. Default 200. */
  readonly leftPauseMs?: number;
}

/** The longest pause between two tries of a delivery that no process can send, in ms. */
const longestLeftPauseMs = 30_000;

/** How long a delivery waits for a process that can send it, in ms. */
const longestLeftMs = 24 * 60 * 60 * 1_000;

/** How often this process looks for parked webhooks of keys that have places here, in ms. */
const unparkEveryMs = 1_000;

export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #closing = new AbortController();
  readonly #worker: Worker<WebhookDelivery>;
  readonly #subscription: Subscription;
  readonly #announcing: NodeJS.Timeout | undefined;
  readonly #unparking: NodeJS.Timeout;
  readonly #places: FairSemaphore;
  readonly #lookups = new SystemLookups();
  readonly #onError: (error: unknown) => void;
  readonly #warned = new Set<MissingSetting>();

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    const { store, subscriber, log } = options;
    const { onError = (err: unknown): void => void (isRedisUnavailable(err) || log.warn({ err }, 'webhooks wait')) } = options;
    const { places = 200, placesPerKey = 10 } = options;
    this.#onError = onError;
    // No webhook waits for a place here: it is parked instead.
    this.#places = new FairSemaphore({ places, placesPerKey, waiting: 0 });
    // BullMQ's type describes clients of ioredis 5 and 6. This client is of version 6.
    const connection: ConnectionOptions = options.redis;
    if (options.allowPrivate) {
      const announce = (): void => void store.announcePrivate().catch(onError);
      announce();
      this.#announcing = setInterval(announce, announceEveryMs);
    }
    this.#worker = new Worker(webhookQueueName, async (job, token) => await this.#deliverOrLeave(job, token), {
      connection,
      prefix: redisKeys(options.prefix ?? servicePrefix).tag,
      concurrency: places,
      skipVersionCheck: true,
      maxStalledCount: webhookAttempts,
      settings: { backoffStrategy: (attemptsMade, _type, error) => this.#pause(attemptsMade, error) },
    });
    this.#worker.on('error', onError);
    this.#unparking = setInterval(() => void this.#unparkAll().catch(onError), unparkEveryMs);
    this.#subscription = new Subscription({
      subscriber,
      channel: store.channel,
      onMessage: (jobId) => void store.dispatch(jobId).catch(onError),
      onStanding: () => void store.reconcile(0).catch(onError),
    });
  }

  /** Ends the attempts in progress. Another process, or this one after a restart, repeats them. Safe to call twice. */
  async close(): Promise<void> {
    clearInterval(this.#announcing);
    clearInterval(this.#unparking);
    this.#closing.abort(new StoppingError());
    await Promise.all([this.#subscription.close(), this.#closeWorker()]);
  }

  /** Closes the worker without waiting for Redis if Redis is not connected. If Redis hangs, the worker is disconnected. */
  async #closeWorker(): Promise<void> {
    const isForced = this.#options.redis.status !== 'ready';
    await answeredSoon(this.#worker.close(isForced)).catch(async () => {
      await answeredSoon(this.#worker.disconnect()).catch(() => undefined);
    });
  }

  /** Returns the pause after a failed attempt, in ms: exponential, plus or minus a quarter, and at least as long as the receiver wants. */
  #pause(attemptsMade: number, error: Error | undefined): number {
    const pause = (this.#options.firstPauseMs ?? 5_000) * 3 ** (attemptsMade - 1) * (0.75 + Math.random() / 2);
    return Math.round(Math.max(pause, error instanceof AttemptError ? error.pauseMs : 0));
  }

  async #deliverOrLeave(job: Job<WebhookDelivery>, token: string | undefined): Promise<void> {
    try {
      await this.#deliver(job);
    } catch (error) {
      if (error instanceof NoPlaceError) {
        await this.#options.store.parked.park(error.owner, job, token);
        // A place may have become free meanwhile.
        if (this.#places.freeFor(error.owner) > 0) await this.#unpark(error.owner, 1);
        throw new DelayedError();
      }
      if (!(error instanceof LeftError)) throw error;
      await this.#leave(job, error);
      const times = job.attemptsStarted - job.attemptsMade;
      const pause = Math.min((this.#options.leftPauseMs ?? 200) * 2 ** (times - 1), longestLeftPauseMs);
      await job.moveToDelayed(Date.now() + Math.round(pause * (0.75 + Math.random() / 2)), token);
      throw new DelayedError();
    }
  }

  async #unpark(owner: string, count: number): Promise<void> {
    if (!this.#closing.signal.aborted) await this.#options.store.parked.unpark(owner, count);
  }

  /** Unparks webhooks of keys that send nothing here. Other processes parked them, or this one did before a restart. */
  async #unparkAll(): Promise<void> {
    for (const owner of await this.#options.store.parked.owners()) await this.#unpark(owner, this.#places.freeFor(owner));
  }

  /** Takes a place of the key. @throws NoPlaceError if the key has no free place */
  async #place(owner: string): Promise<Release> {
    try {
      return await this.#places.acquire(owner);
    } catch (error) {
      throw error instanceof TooManyWaitingError ? new NoPlaceError(owner) : error;
    }
  }

  /** Records that this process leaves the delivery. @throws UnrecoverableError if the delivery has waited for too long */
  async #leave({ data, attemptsMade, timestamp }: Job<WebhookDelivery>, { setting, message }: LeftError): Promise<void> {
    const { store, log, onLeft } = this.#options;
    onLeft?.(setting);
    if (!this.#warned.has(setting))
      log.warn(
        { jobId: data.jobId, setting },
        `this process cannot send some webhooks without ${setting}: it leaves them to other processes`,
      );
    this.#warned.add(setting);
    if (Date.now() - timestamp > longestLeftMs) {
      await store.report(data, {
        status: 'failed',
        attempts: attemptsMade,
        lastAttemptAt: null,
        error: `no API process had ${setting} for a day`,
      });
      throw new UnrecoverableError(message);
    }
    if (attemptsMade === 0) await store.report(data, { status: 'pending', attempts: 0, lastAttemptAt: null, error: message });
  }

  /**
   * Makes one attempt to deliver a webhook.
   * @throws LeftError if this process lacks a setting that the delivery needs. Nothing was sent
   * @throws NoPlaceError if the key already has too many webhooks in progress. Nothing was sent
   */
  async #deliver(job: Job<WebhookDelivery>): Promise<void> {
    const due = await this.#options.store.due(job.data);
    if (due === null) return;
    if (due.secret === null && this.#options.secret === null) throw new LeftError('TRAINYARD_WEBHOOK_SECRET');
    const release = await this.#place(due.owner);
    try {
      await this.#attempt(job, due);
    } finally {
      release();
      await this.#unpark(due.owner, 1).catch(this.#onError);
    }
  }

  async #attempt({ data, attemptsMade }: Job<WebhookDelivery>, due: DueWebhook): Promise<void> {
    const { store, log } = this.#options;
    const attempts = attemptsMade + 1;
    const report = async (status: 'pending' | 'delivered' | 'failed' | 'disabled', error: string | null): Promise<void> => {
      await store.report(data, { status, attempts, lastAttemptAt: new Date().toISOString(), error });
      log.info({ jobId: data.jobId, attempt: attempts, status, ...(error === null ? {} : { reason: error }) }, 'webhook');
    };
    if (due.isGone) {
      await report('disabled', 'its receiver had said that it is gone (410)');
      return;
    }
    await inSendSpan(due, attempts, async (noteStatus) => {
      try {
        const receipt = await this.#send(due);
        noteStatus(receipt.status);
        if (receipt.status === 410) await report('disabled', 'its receiver says that it is gone (410)');
        else if (receipt.status >= 200 && receipt.status < 300) await report('delivered', null);
        else throw refusal(receipt);
      } catch (error) {
        if (error instanceof LeftError) throw error;
        const isLast = error instanceof UnrecoverableError || attempts >= webhookAttempts;
        await report(isLast ? 'failed' : 'pending', describe(error));
        throw error;
      }
    }).catch((error: unknown) => {
      // The queue stores the message of the error, so the message must not contain details about the network of this service.
      throw error instanceof UnrecoverableError || error instanceof AttemptError || error instanceof LeftError
        ? error
        : new AttemptError(describe(error));
    });
  }

  async #send({ url, secret, owner, message }: DueWebhook): Promise<Receipt> {
    const { allowPrivate, store, timeoutMs = 10_000 } = this.#options;
    const { resolve = allowPrivate ? this.#lookups.of(owner) : queryDns } = this.#options;
    const key = secret ?? this.#options.secret;
    if (key === null) throw new LeftError('TRAINYARD_WEBHOOK_SECRET');
    const bounds = { allowPrivate, timeoutMs, signal: this.#closing.signal, resolve };
    try {
      return await sendWebhook({ url, secret: key, message, ...bounds });
    } catch (error) {
      if (!(error instanceof PrivateAddressError)) throw error;
      if (await store.isPrivateAnnounced()) throw new LeftError('TRAINYARD_WEBHOOK_PRIVATE');
      throw new UnrecoverableError(error.message);
    }
  }
}
