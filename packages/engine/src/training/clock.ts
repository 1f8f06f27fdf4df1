// Decides when a step is told and when the event loop gets its turn while a run computes. It knows nothing of training.
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

  /** Lets messages and timers in when it is time. @throws the signal's reason when aborted. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#lastBreath >= YIELD_MS) {
      await nextTurn();
      this.#lastBreath = performance.now();
    }
    this.#signal?.throwIfAborted();
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
