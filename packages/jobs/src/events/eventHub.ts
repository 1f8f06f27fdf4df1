// All followers of all jobs in this process, on one subscription. A follower reads what is stored, then hears what
// happens, without a gap and without a repetition; how many followers there are makes no difference to Redis.
import type { JobEvent } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { redisKeys } from '../redis/keys.ts';
import { EventLog } from './eventLog.ts';
import { Follower } from './follower.ts';
import { Subscription } from './subscription.ts';

export interface EventHubOptions {
  /** For reading what is stored. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. Both stay the caller's to close. */
  readonly subscriber: Redis;
  readonly prefix: string;
  /** How many events a follower may fall behind; default 1,000. */
  readonly bufferSize?: number;
  /** Told of each stored event that a follower may want how long it took from Redis to here, in ms. */
  readonly onDelay?: (delayMs: number) => void;
}

export interface FollowOptions {
  /** The last event that the follower has; left out, it gets all of them. */
  readonly after?: string;
  /** Ends following. */
  readonly signal: AbortSignal;
}

export class EventHub {
  readonly #log: EventLog;
  readonly #bufferSize: number;
  readonly #onDelay: ((delayMs: number) => void) | undefined;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #subscription: Subscription;

  constructor(options: EventHubOptions) {
    this.#log = new EventLog(options);
    this.#onDelay = options.onDelay;
    this.#bufferSize = options.bufferSize ?? 1_000;
    this.#subscription = new Subscription({
      subscriber: options.subscriber,
      channel: redisKeys(options.prefix).eventChannel,
      onMessage: (message) => this.#hear(message),
      onStanding: () => this.#eachFollower((follower) => follower.readAgain()),
    });
  }

  /**
   * The events of a job after `after`, stored ones first, then as they happen, until its final status event. Iterate
   * once; `outcome` of what comes back says afterwards why it ended. The job must exist: see `EventLog.state`.
   */
  follow(jobId: string, options: FollowOptions): Follower {
    const follower = new Follower({
      jobId,
      after: options.after,
      signal: options.signal,
      log: this.#log,
      bufferSize: this.#bufferSize,
      onEnd: () => this.#forget(follower),
    });
    const followers = this.#followers.get(jobId) ?? new Set();
    this.#followers.set(jobId, followers.add(follower));
    return follower;
  }

  /** How many are following now. */
  get followers(): number {
    return [...this.#followers.values()].reduce((count, followers) => count + followers.size, 0);
  }

  /** Ends every follower, with outcome 'closed', and the subscription. Safe to call twice. */
  async close(): Promise<void> {
    this.#eachFollower((follower) => follower.close());
    await this.#subscription.close();
  }

  #hear(message: string): void {
    if (this.#followers.size === 0) return;
    const { jobId, ...event } = JSON.parse(message) as JobEvent & { readonly jobId: string };
    // The id of a stored event begins with Redis's time; another machine's clock may be ahead of it.
    if ('id' in event) this.#onDelay?.(Math.max(0, Date.now() - Number.parseInt(event.id, 10)));
    for (const follower of this.#followers.get(jobId) ?? []) follower.hear(event);
  }

  #eachFollower(act: (follower: Follower) => void): void {
    for (const followers of this.#followers.values()) for (const follower of followers) act(follower);
  }

  #forget(follower: Follower): void {
    const followers = this.#followers.get(follower.jobId);
    followers?.delete(follower);
    if (followers?.size === 0) this.#followers.delete(follower.jobId);
  }
}
