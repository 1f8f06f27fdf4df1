// Measures the largest delay of the API's event loop. Each read of `GET /metrics` returns the largest delay since the read before.
import { ask, type Caller } from './requests.ts';

export class EventLoopDelay {
  readonly #admin: Caller;
  #largestMs = 0;

  constructor(admin: Caller) {
    this.#admin = admin;
  }

  /** Reads the metrics and keeps the largest delay. */
  async look(): Promise<void> {
    const { body } = await ask(this.#admin, '/metrics');
    const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(String(body))?.[1];
    this.#largestMs = Math.max(this.#largestMs, Number(seconds ?? 0) * 1_000);
  }

  /** Returns the largest delay that `look` has read since the last call, in ms. */
  take(): number {
    const taken = this.#largestMs;
    this.#largestMs = 0;
    return taken;
  }
}
