// The largest delay of the API's event loop, which its metrics give since they were last read.
import { ask, type Caller } from './requests.ts';

export class EventLoopDelay {
  readonly #admin: Caller;
  #largestMs = 0;

  constructor(admin: Caller) {
    this.#admin = admin;
  }

  /** Reads the metrics. */
  async look(): Promise<void> {
    const { body } = await ask(this.#admin, '/metrics');
    const seconds = /^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(String(body))?.[1];
    this.#largestMs = Math.max(this.#largestMs, Number(seconds ?? 0) * 1_000);
  }

  /** The largest delay since the last call, in ms. */
  take(): number {
    const taken = this.#largestMs;
    this.#largestMs = 0;
    return taken;
  }
}
