// Decides when a step is told and when the event loop gets its turn while a run computes, and measures how long it computed. It
// knows nothing of training.
import type { TrainOptions } from './events.ts';

/** The longest that the event loop waits for training. */
const YIELD_MS = 25;

export class Clock {
  readonly #signal: AbortSignal | undefined;
  readonly #stepEventMs: number;
  #lastEvent = -Infinity;
  #lastBreath = performance.now();

  constructor({ signal, stepEventMs = 100 }: TrainOptions) {
    this.#signal = signal;
    this.#stepEventMs = stepEventMs;
  }

  stepEventDue(): boolean {
    const now = performance.now();
    if (now - this.#lastEvent < this.#stepEventMs) return false;
    this.#lastEvent = now;
    return true;
  }

  /** Whether it is time to {@link breathe}: asked first, because a promise for every step would be garbage. @throws as that. */
  breathDue(): boolean {
    this.#signal?.throwIfAborted();
    return performance.now() - this.#lastBreath >= YIELD_MS;
  }

  /** Lets messages and timers in. @throws the signal's reason when aborted. */
  async breathe(): Promise<void> {
    await nextTurn();
    this.#lastBreath = performance.now();
    this.#signal?.throwIfAborted();
  }
}

/** Adds up the time between `start` and `stop`. */
export class Stopwatch {
  #total: number;
  #since: number | null = null;

  /** @param seconds what was measured before. */
  constructor(seconds = 0) {
    this.#total = seconds * 1000;
  }

  start(): void {
    this.#since ??= performance.now();
  }

  stop(): void {
    if (this.#since !== null) this.#total += performance.now() - this.#since;
    this.#since = null;
  }

  get seconds(): number {
    return (this.#total + (this.#since === null ? 0 : performance.now() - this.#since)) / 1000;
  }
}

/** Resolves in the event loop's next turn; a timer would cost a millisecond each time. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
