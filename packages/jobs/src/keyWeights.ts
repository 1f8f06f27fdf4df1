// Stores the weights of the API keys in Redis, where the scripts that decide which job starts next read them. Only the API processes know
// the API keys.
import type { Redis } from 'ioredis';
import type { ApiKey } from './environment/apiKey.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

export class KeyWeights {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** Replaces all stored weights by those of these keys. Safe to repeat. */
  async store(apiKeys: readonly ApiKey[]): Promise<void> {
    const wanted = Object.fromEntries(apiKeys.flatMap(({ name, weight = 1 }) => (weight === 1 ? [] : [[name, String(weight)]])));
    const present = await this.#redis.hgetall(this.#keys.keyWeights);
    const names = new Set([...Object.keys(wanted), ...Object.keys(present)]);
    if ([...names].every((name) => wanted[name] === present[name])) return;
    const change = this.#redis.multi().del(this.#keys.keyWeights);
    if (Object.keys(wanted).length > 0) change.hset(this.#keys.keyWeights, wanted);
    const replies = (await change.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
  }
}
