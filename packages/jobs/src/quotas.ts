// The quotas and the usage of API keys. Quotas apply in addition to the limits for everybody. The scripts that create jobs, sweeps, datasets
// and weights check them, so that requests at the same time cannot exceed a quota together.
import type { SpecLimits } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { QuotaExceededError } from './errors.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { readUsage } from './scripts/owners.ts';
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

export class KeyQuotas {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #quotas: Quotas;
  readonly #redisMaxBytes: () => number | null;

  /** @param options `redisMaxBytes`: returns the maxmemory of Redis; null if there is none or it is not known. Default: null */
  constructor(options: {
    readonly redis: Redis;
    readonly prefix: string;
    readonly quotas: Quotas;
    readonly redisMaxBytes?: () => number | null;
  }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#quotas = options.quotas;
    this.#redisMaxBytes = options.redisMaxBytes ?? (() => null);
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
