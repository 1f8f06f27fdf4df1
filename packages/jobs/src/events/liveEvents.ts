// The latest published events of one job, for all of its followers in this process. A follower has a position and takes all events after
// it at once. A slow follower takes more events per write, so many followers cost fewer writes, not more memory.
import { EventBatch, type EncodedEvent } from './eventBatch.ts';

/** Most events that a follower takes at once, and about the most characters of their data. */
const batchSize = 128;
const batchCharacters = 64 * 1024;

export class LiveEvents {
  readonly #capacity: number;
  #events: EncodedEvent[] = [];
  /** The position of the first event that is kept; events are counted from 0. */
  #first = 0;
  /** Batches by the position of their first event, until a new event arrives. */
  readonly #batches = new Map<number, EventBatch>();

  /** @param capacity how many events a follower may fall behind */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The position of the oldest event that can still be taken. */
  get first(): number {
    return this.#first;
  }

  /** The position of the next event to be published. */
  get end(): number {
    return this.#first + this.#events.length;
  }

  /** Adds an event. Returns true if the oldest events beyond the capacity were dropped, which happens from time to time. */
  append(event: EncodedEvent): boolean {
    this.#events.push(event);
    this.#batches.clear();
    if (this.#events.length <= this.#capacity * 1.25) return false;
    const dropped = this.#events.length - this.#capacity;
    this.#events = this.#events.slice(dropped);
    this.#first += dropped;
    return true;
  }

  /** The events from a position on, up to a limit. Calls at the same time share a batch. */
  from(position: number): EventBatch {
    const known = this.#batches.get(position);
    if (known !== undefined) return known;
    const start = position - this.#first;
    let characters = 0;
    let stop = start;
    while (stop < this.#events.length && stop - start < batchSize && characters < batchCharacters)
      characters += this.#events[stop++]?.data.length ?? 0;
    const batch = new EventBatch(this.#events.slice(start, stop));
    this.#batches.set(position, batch);
    return batch;
  }
}
