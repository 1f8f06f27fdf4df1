// All followers of all jobs in this process, on one subscription. A follower gets the stored events, then the live events, without a gap
// and without a repetition. Followers of a job share reads and encoded events, so many followers cost Redis and this process little more
// than one.
import type { Redis } from 'ioredis';
import { EventLoopThrottle } from '../pacing.ts';
import { redisKeys } from '../redis/keys.ts';
import { Subscription } from '../actionRequests.ts';
import { LiveEvents, parseMessage } from './eventBatch.ts';
import { EventLog, type JobHead } from './eventLog.ts';
import { EventPages } from './eventPages.ts';
import { Follower } from './follower.ts';

export interface EventHubOptions {
  /** The connection on which stored events are read. The caller closes it. */
  readonly redis: Redis;
  /** A connection with role `subscriber`. The caller closes it. */
  readonly subscriber: Redis;
  readonly prefix: string;
  /** How many events a follower may fall behind; default 1,000. */
  readonly bufferSize?: number;
  /** Called for each stored event that is published while there are followers. `delayMs`: time from Redis to this process. */
  readonly onDelay?: (delayMs: number) => void;
}

export interface FollowOptions {
  /** The id of the last event that the client already has. If omitted, the follower gets all events. */
  readonly after?: string;
  /** Ends the follower. */
  readonly signal: AbortSignal;
  /** Called when the follower ends because it is too slow, even if nobody is iterating then. */
  readonly onOverflow?: () => void;
}

/** The maximum number of followers that get events in one turn of the event loop, so that other work is not delayed. */
const followersPerTurn = 32;

/** A job that is followed in this process. */
interface FollowedJob {
  readonly live: LiveEvents;
  readonly followers: Set<Follower>;
}

export class EventHub {
  readonly #pages: EventPages;
  readonly #throttle = new EventLoopThrottle(followersPerTurn);
  readonly #bufferSize: number;
  readonly #onDelay: ((delayMs: number) => void) | undefined;
  readonly #jobs = new Map<string, FollowedJob>();
  readonly #subscription: Subscription;

  constructor(options: EventHubOptions) {
    this.#pages = new EventPages(new EventLog(options));
    this.#onDelay = options.onDelay;
    this.#bufferSize = options.bufferSize ?? 1_000;
    this.#subscription = new Subscription({
      subscriber: options.subscriber,
      channel: redisKeys(options.prefix).eventChannel,
      onMessage: (message) => this.#hear(message),
      onStanding: () => {
        this.#pages.clear();
        this.#eachFollower((follower) => follower.readAgain());
      },
    });
  }

  /** Returns the owner of a job and the last ids of its events; null if there is no such job. Calls at the same time share a read. */
  async head(jobId: string): Promise<JobHead | null> {
    return await this.#pages.head(jobId);
  }

  /**
   * Follows the events of a job after `after`: first the stored events, then live events, until the final status event. Iterate over the
   * follower once. Afterwards, its `outcome` is the reason why it ended. The job must exist: see `head`.
   */
  follow(jobId: string, options: FollowOptions): Follower {
    const job = this.#jobs.get(jobId) ?? { live: new LiveEvents(this.#bufferSize), followers: new Set() };
    const follower: Follower = new Follower({
      jobId,
      after: options.after,
      signal: options.signal,
      pages: this.#pages,
      live: job.live,
      throttle: this.#throttle,
      onEnd: (outcome) => {
        job.followers.delete(follower);
        if (job.followers.size === 0 && this.#jobs.get(jobId) === job) this.#jobs.delete(jobId);
        if (outcome === 'overflow') options.onOverflow?.();
      },
    });
    if (follower.outcome === null) {
      this.#jobs.set(jobId, job);
      job.followers.add(follower);
    }
    return follower;
  }

  /** The number of followers now. */
  get followers(): number {
    return [...this.#jobs.values()].reduce((count, { followers }) => count + followers.size, 0);
  }

  /** Ends every follower, with outcome 'closed', and the subscription. Safe to call twice. */
  async close(): Promise<void> {
    this.#eachFollower((follower) => follower.close());
    await this.#subscription.close();
  }

  #hear(message: string): void {
    if (this.#jobs.size === 0) return;
    const { jobId, event } = parseMessage(message);
    // The id of a stored event begins with the time of Redis, whose clock may be ahead of the clock of this machine.
    if (event.id !== undefined) this.#onDelay?.(Math.max(0, Date.now() - Number.parseInt(event.id, 10)));
    const job = this.#jobs.get(jobId);
    if (job === undefined) return;
    const hasDropped = job.live.append(event);
    for (const follower of job.followers) {
      if (hasDropped) follower.drop();
      follower.notify();
    }
  }

  #eachFollower(act: (follower: Follower) => void): void {
    for (const { followers } of this.#jobs.values()) for (const follower of followers) act(follower);
  }
}
