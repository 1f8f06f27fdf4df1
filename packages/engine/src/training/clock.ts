// The timing of a run: when a step is reported, when the run lets the event loop handle other events, and how long the run has computed.
// This file does not train.
import type { TrainOptions } from './events.ts';

/** How long a run computes before it lets the event loop handle other events, in ms. */
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

  /** Returns whether the current step is to be reported. If so, the next report is due after `stepEventMs`. */
  stepEventDue(): boolean {
    const now = performance.now();
    if (now - this.#lastEvent < this.#stepEventMs) return false;
    this.#lastEvent = now;
    return true;
  }

  /**
   * Returns whether it is time to call {@link breathe}. Ask before each call, because calling it for every step would create a promise for
   * each.
   * @throws the signal's reason if the signal is aborted
   */
  breathDue(): boolean {
    this.#signal?.throwIfAborted();
    return performance.now() - this.#lastBreath >= YIELD_MS;
  }

  /** Lets the event loop handle messages and timers. @throws the signal's reason if the signal is aborted */
  async breathe(): Promise<void> {
    await nextTurn();
    this.#lastBreath = performance.now();
    this.#signal?.throwIfAborted();
  }
}

/** Measures the total time between calls of `start` and `stop`. */
export class Stopwatch {
  #total: number;
  #since: number | null = null;

  /** @param seconds the time that was measured before, for example by an earlier attempt */
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

/** Resolves in the next turn of the event loop. A timer would take at least a millisecond. */
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
