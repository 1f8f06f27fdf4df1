// One reader of the events of one job. It first reads the stored events page by page, without buffering them, and then the live events. A
// reader that falls too far behind the live events ends with the outcome `overflow`.

import type { EventLoopThrottle } from '../pacing.ts';
import { isRedisUnavailable } from '../redis/redisFailure.ts';
import { EventBatch, type LiveEvents } from './eventBatch.ts';
import { compareEventIds, hasEndedBy } from './eventLog.ts';
import type { EventPages } from './eventPages.ts';

/**
 * Why a follower ended. `ended`: the job has no more events. `overflow`: the reader was too slow; it may follow again after the last event
 * that it got. `aborted`: the signal was aborted, or the reader stopped iterating. `closed`: the hub was closed.
 */
export type FollowOutcome = 'ended' | 'overflow' | 'aborted' | 'closed';

export interface FollowerOptions {
  readonly jobId: string;
  readonly after: string | undefined;
  readonly signal: AbortSignal;
  readonly pages: EventPages;
  readonly live: LiveEvents;
  readonly throttle: EventLoopThrottle;
  readonly onEnd: (outcome: FollowOutcome) => void;
}

/** Pause before the stream is read again when Redis could not be reached, in ms. */
const retryPauseMs = 250;

export class Follower implements AsyncIterable<EventBatch> {
  readonly jobId: string;
  readonly #options: FollowerOptions;
  readonly #abort = (): void => this.#end('aborted');
  #lastId: string | undefined;
  /** The position of the next live event; null while the follower reads stored events. */
  #position: number | null = null;
  /** Counts how often live events may have been missed. */
  #gaps = 0;
  #outcome: FollowOutcome | null = null;
  #wake: () => void = () => undefined;

  /** Called when all stored events have been taken and the follower continues with live events, also after a restored subscription. */
  onLive: () => void = () => undefined;

  /** Use `EventHub.follow` to create a follower. */
  constructor(options: FollowerOptions) {
    this.#options = options;
    this.jobId = options.jobId;
    this.#lastId = options.after;
    if (options.signal.aborted) this.#outcome = 'aborted';
    else options.signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Why the follower ended; null while it has not ended. */
  get outcome(): FollowOutcome | null {
    return this.#outcome;
  }

  /** Whether the follower yields live events now. Otherwise it yields stored events. */
  get isLive(): boolean {
    return this.#position !== null;
  }

  /** The hub calls this when there is a new event. */
  notify(): void {
    this.#wake();
  }

  /** The hub calls this when live events were dropped. Ends the follower if it has not read them. */
  drop(): void {
    if (this.#position !== null && this.#position < this.#options.live.first) this.#end('overflow');
  }

  /** The hub calls this each time the subscription is restored, because events may have been missed. */
  readAgain(): void {
    this.#position = null;
    this.#gaps += 1;
    this.#wake();
  }

  /** The hub calls this when it closes. Ends the follower. */
  close(): void {
    this.#end('closed');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, void, void> {
    try {
      while (this.#outcome === null) {
        if (this.#position === null) yield* this.#catchUp();
        else if (this.#position < this.#options.live.end) yield* this.#takeLive();
        else await this.#woken();
      }
    } finally {
      this.#end('aborted');
    }
  }

  /** Yields the next page of stored events. After the last page, switches to live events. */
  async *#catchUp(): AsyncGenerator<EventBatch, void, void> {
    const { pages, live, throttle } = this.#options;
    // The page will contain all events before this position, but maybe not those after it.
    const position = live.end;
    const gaps = this.#gaps;
    const page = await this.#patiently(async () => await pages.read(this.jobId, this.#lastId));
    // Many followers may have waited for this page. The throttle lets a few at a time continue.
    await throttle.pass();
    if (page === null || this.#outcome !== null) return;
    const { batch, isLast } = page;
    // If the job has ended already, no further event will wake this follower.
    if (batch.lastId === undefined && isLast && (await this.#hasEnded())) this.#end('ended');
    if (batch.lastId !== undefined) {
      this.#lastId = batch.lastId;
      yield batch;
      if (batch.isFinal) this.#end('ended');
    }
    // If live events were missed or dropped meanwhile, the next page reads them from the stream.
    if (!isLast || gaps !== this.#gaps || position < live.first) return;
    this.#position = position;
    this.onLive();
  }

  async *#takeLive(): AsyncGenerator<EventBatch, void, void> {
    const { live, throttle } = this.#options;
    // The batch also includes events that arrive during this wait.
    await throttle.pass();
    if (this.#outcome !== null || this.#position === null) return;
    const batch = live.from(this.#position);
    this.#position += batch.events.length;
    const unseen = this.#withoutSeen(batch);
    if (unseen.events.length === 0) return;
    this.#lastId = unseen.lastId ?? this.#lastId;
    yield unseen;
    if (unseen.isFinal) this.#end('ended');
  }

  /** Returns the batch without events that the last page already had. */
  #withoutSeen(batch: EventBatch): EventBatch {
    const lastId = this.#lastId;
    const isSeen = ({ id }: { readonly id?: string }): boolean =>
      id !== undefined && lastId !== undefined && compareEventIds(id, lastId) <= 0;
    const first = batch.events.find(({ id }) => id !== undefined);
    return first !== undefined && isSeen(first) ? new EventBatch(batch.events.filter((event) => !isSeen(event))) : batch;
  }

  async #hasEnded(): Promise<boolean> {
    const head = await this.#patiently(async () => ({ found: await this.#options.pages.head(this.jobId) }));
    if (head === null) return false;
    // Null: the job was deleted meanwhile.
    return head.found === null || (this.#lastId !== undefined && hasEndedBy(head.found, this.#lastId));
  }

  /** Runs a read. If Redis is unavailable, waits and returns null; the caller then reads again. */
  async #patiently<T>(read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!isRedisUnavailable(error)) throw error;
      this.#gaps += 1;
      const pause = setTimeout(() => this.#wake(), retryPauseMs);
      await this.#woken();
      clearTimeout(pause);
      return null;
    }
  }

  /** Resolves at the next event, when the subscription is restored, and when the follower ends. */
  async #woken(): Promise<void> {
    if (this.#outcome !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #end(outcome: FollowOutcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#options.onEnd(outcome);
    this.#wake();
  }
}
