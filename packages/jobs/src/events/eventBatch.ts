// Events for clients, encoded once for all clients that follow the job, and the latest published events of a job.
import { isFinal, type JobEvent, jobStatus } from '@trainyard/contracts';

export interface EncodedEvent {
  /** Missing for `step` events, which are not stored. */
  readonly id?: string;
  readonly event: JobEvent['event'];
  /** The event's data as JSON, without line breaks. */
  readonly data: string;
}

/** Whether this event is the last of its job. */
export function isFinalEvent({ event, data }: EncodedEvent): boolean {
  return event === 'status' && isFinal(jobStatus.parse((JSON.parse(data) as { readonly status: unknown }).status));
}

/** Consecutive events of one job, oldest first. At most the last one is the job's final event. */
export class EventBatch {
  readonly events: readonly EncodedEvent[];
  /** The id of the last stored event; undefined when there is none. */
  readonly lastId: string | undefined;
  /** Whether the last event is the job's final one. */
  readonly isFinal: boolean;
  #types: string | undefined;
  #text: Buffer | undefined;

  constructor(events: readonly EncodedEvent[]) {
    this.events = events;
    this.lastId = events.findLast(({ id }) => id !== undefined)?.id;
    const last = events.at(-1);
    this.isFinal = last !== undefined && isFinalEvent(last);
  }

  /**
   * Returns the events as server-sent events (HTML Living Standard §9.2). All followers share the same bytes.
   * @param types only events of these types; if omitted, all. The final status is always included. If the last stored event is
   *   not included, its id is sent without an event, so that a client that reconnects begins after it.
   */
  text(types?: readonly string[]): Buffer {
    const key = types?.join() ?? '';
    if (this.#text === undefined || this.#types !== key) {
      this.#text = Buffer.from(this.#encode(types));
      this.#types = key;
    }
    return this.#text;
  }

  #encode(types: readonly string[] | undefined): string {
    let text = '';
    let sentId: string | undefined;
    this.events.forEach((event, index) => {
      const isLastOfJob = this.isFinal && index === this.events.length - 1;
      if (types !== undefined && !isLastOfJob && !types.includes(event.event)) return;
      text += `${event.id === undefined ? '' : `id: ${event.id}\n`}event: ${event.event}\ndata: ${event.data}\n\n`;
      sentId = event.id ?? sentId;
    });
    return this.lastId === undefined || sentId === this.lastId ? text : `${text}id: ${this.lastId}\n\n`;
  }
}

const messageHead = /^\{"jobId":"([^"]+)",(?:"id":"([^"]+)",)?"event":"(\w+)","data":/;

/** Parses an event that a script published: `{"jobId", "id"?, "event", "data"}`, with the data last. @throws Error for anything else */
export function parseMessage(message: string): { readonly jobId: string; readonly event: EncodedEvent } {
  const [head, jobId, id, event] = messageHead.exec(message) ?? [];
  if (head === undefined || jobId === undefined) throw new Error(`the message is not an event of a job: ${message.slice(0, 100)}`);
  const data = message.slice(head.length, -1);
  return { jobId, event: { ...(id === undefined ? {} : { id }), event: event as JobEvent['event'], data } };
}

/** The maximum number of events in a batch. A batch also ends after the event that reaches this many characters of data. */
const batchSize = 128;
const batchCharacters = 64 * 1024;

/**
 * The latest published events of one job, shared by all of its followers in this process. A follower has a position and takes many events
 * after it in one batch. A slow follower needs fewer writes, because its batches are larger.
 */
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

  /**
   * Adds an event. If there are then more than 1.25 times `capacity` events, drops the oldest ones, so that `capacity` events are left.
   * Returns whether it dropped any.
   */
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
