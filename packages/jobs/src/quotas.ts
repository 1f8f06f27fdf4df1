// What each key may have, beside the limits that hold for everybody, and what it has. Whether more fits is decided where it is made:
// by the scripts that record jobs, sweeps, datasets and weights, so that requests at the same time cannot exceed a quota together.
import type { SpecLimits } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { QuotaExceededError } from './errors.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { type Reply, runScript } from './scripts/script.ts';
import { readUsage } from './scripts/usage.ts';

/** Null: not limited. */
export interface Quotas {
  /** Jobs that have not ended: waiting, running or paused, and those that a sweep is yet to make. */
  readonly queuedJobs: number | null;
  /** Of one job. */
  readonly parameters: number | null;
  /** Of one job. */
  readonly epochs: number | null;
  /** Uploaded datasets and weights, all files that jobs keep, and the specs and events of jobs and sweeps. */
  readonly storageBytes: number | null;
  /** Memory of Redis that jobs and sweeps take, as estimated: of jobs that have not ended with all of their epochs. */
  readonly redisBytes: number | null;
  /** Seconds of finished epochs in a UTC day; at the limit no new job is made. */
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

/** What an owner has now. */
export interface Usage {
  readonly queuedJobs: number;
  readonly storageBytes: number;
  readonly redisBytes: number;
  /** Of this UTC day. */
  readonly trainingSeconds: number;
  /** Until the next one. */
  readonly secondsUntilReset: number;
}

/** The share of Redis's maxmemory that each key may take, where no quota is set. */
const redisShare = 0.5;

export class KeyQuotas {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #quotas: Quotas;
  readonly #redisMaxBytes: () => number | null;

  /** @param options `redisMaxBytes`: the maxmemory of Redis; null or left out, it has none or it is not known */
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

  /** Of each key that is no admin's. Where Redis has a maxmemory, each may take half of it, unless a quota is set. */
  get quotas(): Quotas {
    const most = this.#redisMaxBytes();
    return { ...this.#quotas, redisBytes: this.#quotas.redisBytes ?? (most === null ? null : Math.floor(redisShare * most)) };
  }

  async usage(owner: string): Promise<Usage> {
    const [, jobs, bytes, seconds, wait, redisBytes] = await runScript(this.#redis, readUsage, [this.#keys.usage(owner)], [owner]);
    return {
      queuedJobs: Number(jobs),
      storageBytes: Number(bytes),
      redisBytes: Number(redisBytes),
      trainingSeconds: Number(seconds),
      secondsUntilReset: Number(wait),
    };
  }
}

/** The limits of a job's spec, where its owner has quotas. */
export function limitsWithin(limits: SpecLimits, { parameters, epochs }: Quotas): SpecLimits {
  return {
    ...limits,
    parameters: Math.min(limits.parameters, parameters ?? Infinity),
    epochs: Math.min(limits.epochs, epochs ?? Infinity),
  };
}

/** Quotas as the scripts take them. */
export function quotaText({ queuedJobs, storageBytes, redisBytes, trainingSeconds }: Quotas = noQuotas): string {
  const limited = Object.entries({ queuedJobs, storageBytes, redisBytes, trainingSeconds }).filter(([, value]) => value !== null);
  return JSON.stringify(Object.fromEntries(limited));
}

/** @throws QuotaExceededError when that is what a script answered */
export function refuseOverQuota([outcome, quota, limit, used, wait]: Reply): void {
  if (outcome !== 'overQuota') return;
  throw new QuotaExceededError(quota as QuotaExceededError['quota'], Number(limit), Number(used), Number(wait));
}
