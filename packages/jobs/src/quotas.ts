// The quotas, the usage, the rate limits and the weights of API keys. Quotas apply in addition to the limits for everybody. The scripts
// that create jobs, sweeps, datasets and weights check them, so that requests at the same time cannot exceed a quota together.
import type { SpecLimits } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import type { ApiKey } from './environment/apiKeys.ts';
import { QuotaExceededError } from './errors.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { readUsage, takeTurn } from './scripts/owners.ts';
import type { OverQuota } from './scripts/script.ts';

/** The quotas of an API key. Null means no limit. */
export interface Quotas {
  /** Jobs that have not ended (waiting, running or paused), and jobs that a sweep has yet to create. */
  readonly queuedJobs: number | null;
  /** Parameters of one job's network. */
  readonly parameters: number | null;
  /** Epochs of one job. */
  readonly epochs: number | null;
  /** Bytes of uploaded datasets and weights, of all files of jobs, of the specs and events of jobs, and of the records of sweeps. */
  readonly storageBytes: number | null;
  /** Estimated bytes of Redis memory of jobs and sweeps. A job that has not ended counts with all epochs of its spec. */
  readonly redisBytes: number | null;
  /** Training seconds in a UTC day, counted when an epoch ends. At the limit no new job is created. */
  readonly trainingSeconds: number | null;
}

export const noQuotas: Quotas = {
  queuedJobs: null,
  parameters: null,
  epochs: null,
  storageBytes: null,
  redisBytes: null,
  trainingSeconds: null,
};

/** The current usage of an owner. */
export interface Usage {
  readonly queuedJobs: number;
  readonly storageBytes: number;
  readonly redisBytes: number;
  /** Training seconds of the current UTC day. */
  readonly trainingSeconds: number;
  /** Seconds until the next UTC day. */
  readonly secondsUntilReset: number;
}

/** The share of Redis's maxmemory that each key may use if no quota is set. */
const redisShare = 0.5;

/** Reads the usage of API keys, and gives their quotas. */
export class KeyQuotas {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #quotas: Quotas;
  readonly #redisMaxBytes: () => number | null;

  /** @param options `redisMaxBytes`: returns the maxmemory of Redis; null if there is none or it is not known */
  constructor(options: {
    readonly redis: Redis;
    readonly prefix: string;
    readonly quotas: Quotas;
    readonly redisMaxBytes: () => number | null;
  }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#quotas = options.quotas;
    this.#redisMaxBytes = options.redisMaxBytes;
  }

  /** The quotas of each key without the admin role. If Redis has a maxmemory, the default of `redisBytes` is half of it. */
  get quotas(): Quotas {
    const most = this.#redisMaxBytes();
    return { ...this.#quotas, redisBytes: this.#quotas.redisBytes ?? (most === null ? null : Math.floor(redisShare * most)) };
  }

  async usage(owner: string): Promise<Usage> {
    const reply = await readUsage(this.#redis, { tag: this.#keys.tag, owner });
    const [queuedJobs, storageBytes, trainingSeconds, secondsUntilReset, redisBytes] = reply;
    return { queuedJobs, storageBytes, redisBytes, trainingSeconds, secondsUntilReset };
  }
}

/** Returns the limits of a job's spec for an owner with these quotas. */
export function limitsWithin(limits: SpecLimits, { parameters, epochs }: Quotas): SpecLimits {
  return {
    ...limits,
    parameters: Math.min(limits.parameters, parameters ?? Infinity),
    epochs: Math.min(limits.epochs, epochs ?? Infinity),
  };
}

/** Returns quotas as JSON for the scripts, without those that have no limit. */
export function quotaText({ queuedJobs, storageBytes, redisBytes, trainingSeconds }: Quotas = noQuotas): string {
  const limited = Object.entries({ queuedJobs, storageBytes, redisBytes, trainingSeconds }).filter(([, value]) => value !== null);
  return JSON.stringify(Object.fromEntries(limited));
}

/** Returns the error for a script's reply. */
export function overQuotaError([, quota, limit, used, wait]: OverQuota): QuotaExceededError {
  return new QuotaExceededError(quota, limit, used, wait);
}

export type Turn = { readonly isAllowed: true } | { readonly isAllowed: false; readonly retryAfterMs: number };

/** Limits how often a caller may call, counted for all API processes together. */
export class RateLimiter {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  /** Allowed calls per minute. They may also come all at once. */
  readonly perMinute: number;

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly perMinute: number }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.perMinute = options.perMinute;
  }

  /** Counts a call of `subject`, unless its limit is reached. A refused call is not counted. */
  async take(subject: string): Promise<Turn> {
    const [outcome, retryAfterMs] = await takeTurn(this.#redis, { state: this.#keys.turns(subject), perMinute: this.perMinute });
    return outcome === 'allowed' ? { isAllowed: true } : { isAllowed: false, retryAfterMs };
  }
}

/**
 * Stores the weights of the API keys in Redis, where the scripts that decide which job starts next read them. Only the API processes know
 * the API keys.
 */
export class KeyWeights {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** Replaces all stored weights by the weights of these keys. Safe to repeat. */
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
