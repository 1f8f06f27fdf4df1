// Passes requests to cancel or pause a job to the process that runs it. A message contains only the job's id. The record is read after each
// message, and whenever a message may have been missed. `Subscription` subscribes to a channel of Redis, again after each broken
// connection.
import { type JobStatus, jobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { answeredSoon } from './redis/connection.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** A request about a running job. */
export type ActionRequest = 'cancel' | 'pause';

/** The cancel or pause request of a running job, by the job's status. It is carried out when the job leaves this status. */
const requestsByStatus: Partial<Record<string, ActionRequest>> = { cancelling: 'cancel', pausing: 'pause' } satisfies Partial<
  Record<JobStatus, ActionRequest>
>;

/** Returns the request that a job with this status has; null if it has none. */
export function actionRequestOf(status: JobStatus): ActionRequest | null {
  return requestsByStatus[status] ?? null;
}

type OnRequest = (request: ActionRequest) => void;

export interface ActionRequestsOptions {
  /** The connection on which records are read. The caller closes both connections. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. */
  readonly subscriber: Redis;
  readonly prefix: string;
  /** Called when a record could not be read. The record is read again at the next message or reconnection. */
  readonly onError?: (error: unknown) => void;
}

/** Watches the cancel and pause requests of the jobs that this process runs. */
export class ActionRequests {
  readonly #options: ActionRequestsOptions;
  readonly #keys: RedisKeys;
  readonly #watched = new Map<string, Set<OnRequest>>();
  readonly #subscription: Subscription;

  constructor(options: ActionRequestsOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.prefix);
    this.#subscription = new Subscription({
      subscriber: options.subscriber,
      channel: this.#keys.actionChannel,
      onMessage: (jobId) => void this.#look(jobId),
      onStanding: () => {
        for (const jobId of this.#watched.keys()) void this.#look(jobId);
      },
    });
  }

  /**
   * Watches a job that this process runs. Also reports a request that was made before this call.
   * @param onRequest called when the job's record has a request; may be called more than once
   * @returns a function that ends the watch
   */
  watch(jobId: string, onRequest: OnRequest): () => void {
    const watchers = this.#watched.get(jobId) ?? new Set();
    this.#watched.set(jobId, watchers.add(onRequest));
    void this.#look(jobId);
    return () => {
      watchers.delete(onRequest);
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
      const request = status === null ? null : actionRequestOf(jobStatus.parse(status));
      if (request !== null) for (const onRequest of this.#watched.get(jobId) ?? []) onRequest(request);
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}

export interface SubscriptionOptions {
  /** A connection with role `subscriber`. Several subscriptions may share it. The caller closes it. */
  readonly subscriber: Redis;
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  /** Called each time the subscription works. From then on no message is missed until the connection breaks. */
  readonly onStanding: () => void;
}

/** Pause before the next try after Redis refused the subscription, in ms. */
const retryMs = 1_000;

/**
 * A subscription to one channel of Redis. Messages are lost while the connection is broken. So the caller should read the current state in
 * `onStanding`.
 */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #hear = (channel: string, message: string): void => {
    if (channel === this.#options.channel) this.#options.onMessage(message);
  };
  readonly #subscribe = (): void => {
    const { subscriber, channel, onStanding } = this.#options;
    clearTimeout(this.#retry);
    if (this.#closed || subscriber.status !== 'ready') return;
    subscriber.subscribe(channel).then(
      () => {
        if (!this.#closed) onStanding();
      },
      (error: unknown) => {
        if (this.#closed) return;
        subscriber.emit('error', error);
        // Tries again, because Redis may allow the subscription later. After a broken connection, the `ready` event subscribes again.
        clearTimeout(this.#retry);
        this.#retry = setTimeout(this.#subscribe, retryMs);
      },
    );
  };
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    options.subscriber.on('message', this.#hear);
    options.subscriber.on('ready', this.#subscribe);
    if (options.subscriber.status === 'ready') this.#subscribe();
  }

  /** Stops listening. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    const { subscriber, channel } = this.#options;
    subscriber.off('message', this.#hear);
    subscriber.off('ready', this.#subscribe);
    if (subscriber.status === 'ready') await answeredSoon(subscriber.unsubscribe(channel)).catch(() => undefined);
  }
}
