// One reader of one job's events. While it catches up from the stream, what it hears only tells it to read on; once the
// stream has no more, what it hears is its source. So nothing is buffered that is stored, and a buffer that fills up
// means that the reader is too slow.
import type { JobEvent } from '@trainyard/contracts';
import { isRedisUnavailable } from '../redis/redisFailure.ts';
import { compareEventIds, type EventLog, isFinalEvent } from './eventLog.ts';

/**
 * Why following ended: `ended`: the final status event was the last one given; `overflow`: the reader was too slow and
 * may come back with the id of the last event it got; `aborted`: by the reader's signal, or it stopped iterating;
 * `closed`: by the hub.
 */
export type FollowOutcome = 'ended' | 'overflow' | 'aborted' | 'closed';

export interface FollowerOptions {
  readonly jobId: string;
  readonly after: string | undefined;
  readonly signal: AbortSignal;
  readonly log: EventLog;
  readonly bufferSize: number;
  readonly onEnd: () => void;
}

/** Events read from the stream at a time. */
const pageSize = 200;

/** Pause before the stream is read again when Redis could not be reached, in ms. */
const retryPauseMs = 250;

export class Follower implements AsyncIterable<JobEvent> {
  readonly jobId: string;
  readonly #options: FollowerOptions;
  readonly #abort = (): void => this.#end('aborted');
  #buffer: JobEvent[] = [];
  #lastId: string | undefined;
  #isLive = false;
  #isBehind = true;
  #outcome: FollowOutcome | null = null;
  #wake: () => void = () => undefined;

  /** Made by `EventHub.follow`. */
  constructor(options: FollowerOptions) {
    this.#options = options;
    this.jobId = options.jobId;
    this.#lastId = options.after;
    options.signal.addEventListener('abort', this.#abort, { once: true });
    if (options.signal.aborted) this.#abort();
  }

  /** Why it ended; null while it has not. */
  get outcome(): FollowOutcome | null {
    return this.#outcome;
  }

  /** An event as it happens; from the hub. */
  hear(event: JobEvent): void {
    if (this.#isLive) {
      if (this.#buffer.length >= this.#options.bufferSize) this.#end('overflow');
      else this.#buffer.push(event);
    } else if (event.event !== 'step') {
      this.#isBehind = true;
    }
    this.#wake();
  }

  /** Events may have been missed; from the hub, each time the subscription stands. */
  readAgain(): void {
    this.#isLive = false;
    this.#isBehind = true;
    this.#buffer = [];
    this.#wake();
  }

  /** Ends it; from the hub. */
  close(): void {
    this.#end('closed');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JobEvent, void, void> {
    try {
      while (this.#outcome === null) {
        if (this.#isBehind) yield* this.#catchUp();
        else if (this.#buffer.length > 0) yield* this.#live();
        else await this.#woken();
      }
    } finally {
      this.#end('aborted');
    }
  }

  /** Gives what the stream holds after the last event given, page by page, until a read that began with nothing new. */
  async *#catchUp(): AsyncGenerator<JobEvent, void, void> {
    this.#isBehind = false;
    const page = await this.#readPage();
    if (page === null) return;
    for (const event of page.data) {
      if (this.#outcome !== null) return;
      this.#lastId = event.id;
      yield event;
      if (isFinalEvent(event)) this.#end('ended');
    }
    if (page.nextCursor !== null) this.#isBehind = true;
    // A job that had ended before its last reader came has nothing more to say, and nobody to wake us.
    if (page.data.length === 0 && !this.#isBehind && (await this.#hasEnded())) this.#end('ended');
    if (!this.#isBehind) this.#isLive = true;
  }

  *#live(): Generator<JobEvent, void, void> {
    const event = this.#buffer.shift();
    if (event === undefined) return;
    if ('id' in event) {
      if (this.#lastId !== undefined && compareEventIds(event.id, this.#lastId) <= 0) return;
      this.#lastId = event.id;
    }
    yield event;
    if (isFinalEvent(event)) this.#end('ended');
  }

  async #readPage() {
    return await this.#patiently(
      async () =>
        await this.#options.log.range(this.jobId, { limit: pageSize, ...(this.#lastId === undefined ? {} : { after: this.#lastId }) }),
    );
  }

  async #hasEnded(): Promise<boolean> {
    const state = await this.#patiently(async () => await this.#options.log.state(this.jobId, this.#lastId));
    return state === 'ended' || state === 'missing';
  }

  /** Reads; when Redis is away, marks us as behind again, pauses and gives null. */
  async #patiently<T>(read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (!isRedisUnavailable(error)) throw error;
      this.#isBehind = true;
      const pause = setTimeout(() => this.#wake(), retryPauseMs);
      await this.#woken();
      clearTimeout(pause);
      return null;
    }
  }

  /** Until something happened: an event, a new subscription, the end. */
  async #woken(): Promise<void> {
    if (this.#outcome !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #end(outcome: FollowOutcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#buffer = [];
    this.#options.signal.removeEventListener('abort', this.#abort);
    this.#options.onEnd();
    this.#wake();
  }
}
