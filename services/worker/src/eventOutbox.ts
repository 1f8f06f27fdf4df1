// The child's end of the event flow: keeps order, sends one batch at a time and gathers the rest until that one is
// stored. So a fast job costs few messages, a slow store slows the training down instead of filling memory, and
// nothing is dropped but `step` events, of which only the newest says anything.
import type { ReportedEvent } from './messages.ts';

/** Events that may wait before `post` makes the training wait too: about a minute of the fastest tutorial epochs. */
const DEFAULT_LIMIT = 10_000;

export class EventOutbox {
  readonly #send: (events: ReportedEvent[]) => void;
  readonly #limit: number;
  #pending: ReportedEvent[] = [];
  #inFlight = false;
  #settled: (() => void)[] = [];

  /**
   * @param send Sends one batch; `stored()` is called when the other side has it.
   * @param limit Events that may wait, 10,000 by default.
   */
  constructor(send: (events: ReportedEvent[]) => void, limit: number = DEFAULT_LIMIT) {
    this.#send = send;
    this.#limit = limit;
  }

  /** Takes an event; resolves at once while fewer than `limit` wait, else when the other side has caught up. */
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

  /** The batch on its way is stored. */
  stored(): void {
    this.#inFlight = false;
    this.#flush();
    const settled = this.#settled;
    this.#settled = [];
    for (const settle of settled) {
      settle();
    }
  }

  /** Resolves when everything posted is stored. */
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
