// Sends the events of a training child to the worker, in order and in batches. While one batch is being stored, new events wait for the
// next batch. So a fast job needs few messages. If storing is slow, the training waits, and the memory does not fill up. Only `step` events
// are dropped: a newer step replaces a waiting one.
import type { ReportedEvent } from './messages.ts';

/** How many events may wait before `post` makes the training wait: about a minute of the fastest tutorial epochs. */
const DEFAULT_LIMIT = 10_000;

export class EventOutbox {
  readonly #send: (events: ReportedEvent[]) => void;
  readonly #limit: number;
  #pending: ReportedEvent[] = [];
  #inFlight = false;
  #settled: (() => void)[] = [];

  /**
   * @param send Sends one batch to the worker. Call `stored()` after the worker has stored it.
   * @param limit The number of waiting events at which `post` makes the training wait. Default 10,000.
   */
  constructor(send: (events: ReportedEvent[]) => void, limit: number = DEFAULT_LIMIT) {
    this.#send = send;
    this.#limit = limit;
  }

  /** Adds an event. Resolves at once if fewer than `limit` events wait, otherwise after the worker has stored enough of them. */
  async post(event: ReportedEvent): Promise<void> {
    if (event.type === 'step' && this.#pending.at(-1)?.type === 'step') {
      this.#pending.pop();
    }
    this.#pending.push(event);
    this.#flush();
    while (this.#pending.length >= this.#limit) {
      await this.#nextStored();
    }
  }

  /** Notes that the last batch is stored, and sends the next one. */
  stored(): void {
    this.#inFlight = false;
    this.#flush();
    const settled = this.#settled;
    this.#settled = [];
    for (const settle of settled) {
      settle();
    }
  }

  /** Resolves when all events are stored. */
  async drained(): Promise<void> {
    while (this.#inFlight || this.#pending.length > 0) {
      await this.#nextStored();
    }
  }

  #flush(): void {
    if (this.#inFlight || this.#pending.length === 0) {
      return;
    }
    const batch = this.#pending;
    this.#pending = [];
    this.#inFlight = true;
    this.#send(batch);
  }

  #nextStored(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve);
    });
  }
}
