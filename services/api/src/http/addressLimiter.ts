// Limits how many requests each client address may send to this process without an API key. The counts are in memory, so a response that
// needs no Redis does not wait for it. Requests with an API key are counted in Redis, for all processes together (RateLimiter).
import type { Turn } from '@trainyard/jobs';

const minuteMs = 60_000;

/** The largest error of the sum of used turns, in ms. */
const roundingMs = 1e-3;

/** How many addresses are remembered. One more removes the address whose last request is the oldest. */
const mostAddresses = 10_000;

export class AddressLimiter {
  /** Allowed requests per minute. They may also come all at once. */
  readonly perMinute: number;
  /** For each address, when all of its turns will be free again, in ms of the clock. The address with the latest request is the last. */
  readonly #freeAt = new Map<string, number>();

  constructor(perMinute: number) {
    this.perMinute = perMinute;
  }

  /** Counts a request of `address` by the algorithm of takeTurn.lua, unless its limit is reached. A refused request is not counted. */
  take(address: string): Turn {
    const now = performance.now();
    const freeAt = Math.max(this.#freeAt.get(address) ?? now, now) + minuteMs / this.perMinute;
    const aheadMs = freeAt - now - minuteMs;
    if (aheadMs > roundingMs) return { isAllowed: false, retryAfterMs: Math.ceil(aheadMs) };
    this.#freeAt.delete(address);
    this.#freeAt.set(address, freeAt);
    this.#forget(now);
    return { isAllowed: true };
  }

  /** Removes the addresses at the beginning of the list whose turns are all free, and those over the limit of the list. */
  #forget(now: number): void {
    for (const [address, freeAt] of this.#freeAt) {
      if (freeAt > now && this.#freeAt.size <= mostAddresses) return;
      this.#freeAt.delete(address);
    }
  }
}
