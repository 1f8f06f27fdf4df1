// Sends the webhooks of ended jobs, from a queue of their own: with retries whose pauses grow, and jitter, so that a receiver that
// was down is not met by all at once. What a receiver does or does not do never touches a job. Any number of processes may do this.
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
import { PrivateAddressError, type Resolve } from './addressGuard.ts';
import { inSendSpan } from './sendSpan.ts';
import { type Receipt, sendWebhook } from './sendWebhook.ts';

/** What an operator decides about webhooks. */
export interface WebhookPolicy {
  /** Signs the messages of jobs that have no secret of their own. */
  readonly secret: string | null;
  /** Whether addresses of this machine and its network are allowed. */
  readonly allowPrivate: boolean;
}

export interface WebhookSenderOptions extends WebhookPolicy {
  readonly store: WebhookStore;
  /** A connection with role `worker`. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. Both stay the caller's to close. */
  readonly subscriber: Redis;
  readonly prefix?: string;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
  /** Called with errors of Redis. Default: errors other than outages are logged. */
  readonly onError?: (error: unknown) => void;
  /** The pause before the second attempt, in ms; each further one is three times as long. Default 5,000. */
  readonly firstPauseMs?: number;
  /** How long an attempt may take, in ms. Default 10,000. */
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
  /** Called for each delivery that this process leaves to another one, with the setting that it lacks. */
  readonly onLeft?: (setting: MissingSetting) => void;
  /** The pause before any process tries a delivery again that this one left, in ms. It doubles each time. Default 200. */
  readonly leftPauseMs?: number;
}

/** The setting that a process needs for a delivery but does not have. */
export type MissingSetting = 'TRAINYARD_WEBHOOK_SECRET' | 'TRAINYARD_WEBHOOK_PRIVATE';

/** The longest pause between two tries of a delivery that no process can send, in ms. */
const longestLeftPauseMs = 30_000;

/** How long a delivery waits for a process that can send it, in ms. */
const longestLeftMs = 24 * 60 * 60 * 1_000;

/** Deliveries at a time: slow receivers hold up other receivers as little as may be. */
const concurrency = 50;

/** What a receiver's Retry-After may ask for at most, in ms. */
const longestWish = 60 * 60 * 1_000;

/** An attempt that did not count; the queue makes another. */
class AttemptError extends Error {
  readonly pauseMs: number;

  constructor(message: string, pauseMs = 0) {
    super(message);
    this.name = 'AttemptError';
    this.pauseMs = pauseMs;
  }
}

/** This process cannot send the delivery, but another one may. It does not count as an attempt. */
class LeftError extends Error {
  readonly setting: MissingSetting;

  constructor(setting: MissingSetting) {
    super(`waits for an API process that has ${setting}`);
    this.name = 'LeftError';
    this.setting = setting;
  }
}

export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #closing = new AbortController();
  readonly #worker: Worker<WebhookDelivery>;
  readonly #subscription: Subscription;
  readonly #announcing: NodeJS.Timeout | undefined;
  readonly #warned = new Set<MissingSetting>();

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    const { store, subscriber, log } = options;
    const { onError = (err: unknown): void => void (isRedisUnavailable(err) || log.warn({ err }, 'webhooks wait')) } = options;
    // BullMQ describes ioredis 5 and 6 at once; ours is 6.
    const connection: ConnectionOptions = options.redis;
    if (options.allowPrivate) {
      const announce = (): void => void store.announcePrivate().catch(onError);
      announce();
      this.#announcing = setInterval(announce, announceEveryMs);
    }
    this.#worker = new Worker(webhookQueueName, async (job, token) => await this.#deliverOrLeave(job, token), {
      connection,
      prefix: redisKeys(options.prefix ?? servicePrefix).tag,
      concurrency,
      skipVersionCheck: true,
      maxStalledCount: webhookAttempts,
      settings: { backoffStrategy: (attemptsMade, _type, error) => this.#pause(attemptsMade, error) },
    });
    this.#worker.on('error', onError);
    this.#subscription = new Subscription({
      subscriber,
      channel: store.channel,
      onMessage: (jobId) => void store.dispatch(jobId).catch(onError),
      onStanding: () => void store.reconcile(0).catch(onError),
    });
  }

  /** Ends the attempts in hand; another process, or this one later, makes them again. Safe to call twice. */
  async close(): Promise<void> {
    clearInterval(this.#announcing);
    this.#closing.abort(new Error('the service is stopping'));
    await Promise.all([this.#subscription.close(), this.#closeWorker()]);
  }

  /** Without Redis there is nothing to tell it, and BullMQ would wait for it; one that hangs looks as if it were there. */
  async #closeWorker(): Promise<void> {
    const isForced = this.#options.redis.status !== 'ready';
    await answeredSoon(this.#worker.close(isForced)).catch(async () => {
      await answeredSoon(this.#worker.disconnect()).catch(() => undefined);
    });
  }

  /** Exponential, plus or minus a quarter, and not before the receiver wants it. */
  #pause(attemptsMade: number, error: Error | undefined): number {
    const pause = (this.#options.firstPauseMs ?? 5_000) * 3 ** (attemptsMade - 1) * (0.75 + Math.random() / 2);
    return Math.round(Math.max(pause, error instanceof AttemptError ? error.pauseMs : 0));
  }

  async #deliverOrLeave(job: Job<WebhookDelivery>, token: string | undefined): Promise<void> {
    try {
      await this.#deliver(job);
    } catch (error) {
      if (!(error instanceof LeftError)) throw error;
      await this.#leave(job, error);
      const times = job.attemptsStarted - job.attemptsMade;
      const pause = Math.min((this.#options.leftPauseMs ?? 200) * 2 ** (times - 1), longestLeftPauseMs);
      await job.moveToDelayed(Date.now() + Math.round(pause * (0.75 + Math.random() / 2)), token);
      throw new DelayedError();
    }
  }

  /** @throws UnrecoverableError for one that has waited for too long */
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

  /** @throws LeftError before anything is sent */
  async #deliver({ data, attemptsMade }: Job<WebhookDelivery>): Promise<void> {
    const { store, log } = this.#options;
    const due = await store.due(data);
    if (due === null) return;
    if (due.secret === null && this.#options.secret === null) throw new LeftError('TRAINYARD_WEBHOOK_SECRET');
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
      // The queue keeps the message of what is thrown.
      throw error instanceof UnrecoverableError || error instanceof AttemptError || error instanceof LeftError
        ? error
        : new AttemptError(describe(error));
    });
  }

  async #send({ url, secret, message }: DueWebhook): Promise<Receipt> {
    const { allowPrivate, store, timeoutMs = 10_000, resolve } = this.#options;
    const key = secret ?? this.#options.secret;
    if (key === null) throw new LeftError('TRAINYARD_WEBHOOK_SECRET');
    const bounds = { allowPrivate, timeoutMs, signal: this.#closing.signal, ...(resolve ? { resolve } : {}) };
    try {
      return await sendWebhook({ url, secret: key, message, ...bounds });
    } catch (error) {
      if (!(error instanceof PrivateAddressError)) throw error;
      if (await store.isPrivateAnnounced()) throw new LeftError('TRAINYARD_WEBHOOK_PRIVATE');
      throw new UnrecoverableError(error.message);
    }
  }
}

function refusal({ status, retryAfterSeconds }: Receipt): AttemptError {
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return new AttemptError(`its receiver answered ${status}${redirect}`, Math.min((retryAfterSeconds ?? 0) * 1_000, longestWish));
}

/** What the owner of the job learns: the kind of failure, and nothing of the network that this service is in. */
function describe(error: unknown): string {
  if (error instanceof UnrecoverableError || error instanceof AttemptError) return error.message;
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return 'its receiver did not answer in time';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return `its receiver could not be reached${/^[A-Z_0-9]{1,40}$/.test(code) ? ` (${code})` : ''}`;
}
