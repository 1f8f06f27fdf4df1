// The latest published events of one job, shared by all of its followers in this process. A follower has a position and takes many events
// after it in one batch. A slow follower needs fewer writes, because its batches are larger.
import { EventBatch, type EncodedEvent } from './eventBatch.ts';

/** Most events in a batch. A batch also ends after the event that reaches this many characters of data. */
const batchSize = 128;
const batchCharacters = 64 * 1024;

export class LiveEvents {
  readonly #capacity: number;
  #events: EncodedEvent[] = [];
  /** The position of the first event that is kept; events are counted from 0. */
  #first = 0;
  /** Batches by the position of their first event. A new event clears them. */
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

  /** Adds an event. Returns true if old events were dropped: at 1.25 times the capacity, down to the capacity. */
  append(event: EncodedEvent): boolean {
    this.#events.push(event);
    this.#batches.clear();
    if (this.#events.length <= this.#capacity * 1.25) return false;
    const dropped = this.#events.length - this.#capacity;
    this.#events = this.#events.slice(dropped);
    this.#first += dropped;
    return true;
  }

  /** Returns a batch of the events from a position on. Followers at the same position share it. */
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
