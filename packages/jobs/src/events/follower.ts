// One reader of one job's events. While it catches up from the stream, what is published only makes it read on; once the
// stream has no more, what is published is its source. So nothing is buffered that is stored, and a buffer that fills up
// means that the reader is too slow.
import { isRedisUnavailable } from '../redis/redisFailure.ts';
import type { EventBatch } from './eventBatch.ts';
import { compareEventIds, hasEndedBy } from './eventLog.ts';
import type { EventPages } from './eventPages.ts';
import type { Turnstile } from './turnstile.ts';

/**
 * Why following ended: `ended`: there are no more events; `overflow`: the reader was too slow and may come back with the
 * id of the last event it got; `aborted`: by the reader's signal, or it stopped iterating; `closed`: by the hub.
 */
export type FollowOutcome = 'ended' | 'overflow' | 'aborted' | 'closed';

export interface FollowerOptions {
  readonly jobId: string;
  readonly after: string | undefined;
  readonly signal: AbortSignal;
  readonly pages: EventPages;
  readonly turnstile: Turnstile;
  readonly bufferSize: number;
  readonly onEnd: () => void;
}

/** Pause before the stream is read again when Redis could not be reached, in ms. */
const retryPauseMs = 250;

export class Follower implements AsyncIterable<EventBatch> {
  readonly jobId: string;
  readonly #options: FollowerOptions;
  readonly #abort = (): void => this.#end('aborted');
  #buffer: EventBatch[] = [];
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

  /** An event as it happens, as a batch of one; from the hub. */
  hear(event: EventBatch): void {
    if (this.#isLive) {
      if (this.#buffer.length >= this.#options.bufferSize) this.#end('overflow');
      else this.#buffer.push(event);
    } else if (event.lastId !== undefined) {
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

  async *[Symbol.asyncIterator](): AsyncGenerator<EventBatch, void, void> {
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
  async *#catchUp(): AsyncGenerator<EventBatch, void, void> {
    this.#isBehind = false;
    const page = await this.#patiently(async () => await this.#options.pages.read(this.jobId, this.#lastId));
    // A page is there for everybody who waited for it at once.
    await this.#options.turnstile.pass();
    if (page === null || this.#outcome !== null) return;
    const { batch, isLast } = page;
    if (batch.lastId !== undefined) {
      this.#lastId = batch.lastId;
      yield batch;
      if (batch.isFinal) this.#end('ended');
    }
    if (!isLast) this.#isBehind = true;
    // A job that had ended before its last reader came has nothing more to say, and nobody to wake us.
    if (batch.lastId === undefined && !this.#isBehind && (await this.#hasEnded())) this.#end('ended');
    if (!this.#isBehind) this.#isLive = true;
  }

  *#live(): Generator<EventBatch, void, void> {
    const event = this.#buffer.shift();
    if (event === undefined) return;
    if (event.lastId !== undefined) {
      if (this.#lastId !== undefined && compareEventIds(event.lastId, this.#lastId) <= 0) return;
      this.#lastId = event.lastId;
    }
    yield event;
    if (event.isFinal) this.#end('ended');
  }

  async #hasEnded(): Promise<boolean> {
    const head = await this.#patiently(async () => ({ found: await this.#options.pages.head(this.jobId) }));
    if (head === null) return false;
    // Null: the job was deleted meanwhile.
    return head.found === null || (this.#lastId !== undefined && hasEndedBy(head.found, this.#lastId));
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
