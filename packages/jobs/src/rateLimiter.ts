// How often somebody may call, counted for all API processes together. Who somebody is, is the caller's to say.
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { takeTurn } from './scripts/owners.ts';

export type Turn = { readonly taken: true } | { readonly taken: false; readonly retryAfterMs: number };

export class RateLimiter {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  /** Calls a minute, which may also come all at once. */
  readonly perMinute: number;

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly perMinute: number }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.perMinute = options.perMinute;
  }

  /** Counts a call of `subject`, if it has one left; a refused one counts for nothing. */
  async take(subject: string): Promise<Turn> {
    const [outcome, retryAfterMs] = await takeTurn(this.#redis, { state: this.#keys.turns(subject), perMinute: this.perMinute });
    return outcome === 'taken' ? { taken: true } : { taken: false, retryAfterMs };
  }
}
