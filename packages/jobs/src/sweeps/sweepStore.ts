// The records of sweeps. A record says what is to be done; the jobs themselves are in the job store, and which job a trial came to is
// kept here. Every step can be repeated, by any process, until the record says that it is done.
import type { SweepGoal, SweepMetric, SweepPage, SweepSpace, SweepStatus, SweepStrategy, SweepSummary } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { IdempotencyMismatchError } from '../errors.ts';
import { bodyDigest, type Idempotency, idempotencySeconds, madeBefore, memoryOf } from '../idempotency.ts';
import { quotaText, type Quotas, refuseOverQuota } from '../quotas.ts';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { createSweep, endSweep } from '../scripts/sweeps.ts';
import { runScript } from '../scripts/script.ts';
import type { TrialValues } from './space.ts';

/** What a sweep is from its beginning on. */
export interface SweepPlan {
  readonly owner: string;
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JobSpec;
  readonly space: SweepSpace;
  readonly strategy: SweepStrategy;
  readonly metric: SweepMetric;
  readonly goal: SweepGoal;
  readonly seed: number;
  /** Of the request that made it, whose trace its jobs go on with. */
  readonly traceparent?: string;
  readonly trials: readonly { readonly values: TrialValues; readonly spec: JobSpec }[];
}

/** What lists show of a sweep, and whose it is. */
interface SweepHead extends Omit<SweepPlan, 'trials'> {
  readonly id: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly status: SweepStatus;
}

/** A sweep as it is now. */
export interface SweepRecord extends SweepHead {
  readonly trials: SweepPlan['trials'];
  /** Which trials are in each rung that has begun, as numbers of `trials`. */
  readonly rungs: readonly (readonly number[])[];
  /** The jobs that were made, by rung and trial. */
  readonly jobs: ReadonlyMap<string, string>;
}

/** Names a trial of a rung among the jobs of a sweep. */
export function trialKey(rung: number, trial: number): string {
  return `${rung}:${trial}`;
}

export class SweepStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Records a sweep, whose jobs are made from then on, whatever happens to who recorded it. Those that it begins with count for its
   * owner's quotas at once; left out, none hold.
   * @returns its id; `replayed` says that the idempotency key had made it before
   * @throws QuotaExceededError
   * @throws IdempotencyMismatchError the key was used for another body
   */
  async create(
    plan: SweepPlan,
    { quotas, idempotency }: { readonly quotas?: Quotas; readonly idempotency?: Idempotency } = {},
  ): Promise<{ readonly id: string; readonly replayed: boolean }> {
    const { trials, ...rest } = plan;
    const firstRung = JSON.stringify(trials.map((_, index) => index));
    const id = `sweep_${ulid()}`;
    const keys = this.#keys;
    const reply = await runScript(
      this.#redis,
      createSweep,
      [keys.sweep(id), keys.sweeps, keys.sweepsOf(plan.owner), keys.activeSweeps, memoryOf(keys, plan.owner, idempotency)],
      [
        id,
        plan.owner,
        quotaText(quotas),
        trials.length,
        idempotency ? bodyDigest(idempotency) : '',
        idempotencySeconds,
        'plan',
        JSON.stringify(rest),
        'trials',
        JSON.stringify(trials),
        'createdAt',
        new Date().toISOString(),
        'rung:0',
        firstRung,
      ],
    );
    refuseOverQuota(reply);
    const [outcome, made] = reply;
    if (outcome === 'mismatch') throw new IdempotencyMismatchError();
    return { id: String(made), replayed: outcome === 'replayed' };
  }

  /**
   * The sweep that an earlier request with the key made, or null; see {@link JobStore.replay}.
   * @throws IdempotencyMismatchError the key was used for another body
   */
  async replay(owner: string, idempotency: Idempotency): Promise<SweepRecord | null> {
    const before = await madeBefore(this.#redis, this.#keys, owner, idempotency);
    if (before === null) return null;
    if (!before.isSame) throw new IdempotencyMismatchError();
    return await this.get(before.id);
  }

  /** The sweep, or null if there is none with this id, or, where an `owner` is given, none of theirs. */
  async get(id: string, owner?: string): Promise<SweepRecord | null> {
    const fields = await this.#redis.hgetall(this.#keys.sweep(id));
    if (fields['plan'] === undefined) return null;
    const head = headOf(id, fields);
    if (owner !== undefined && head.owner !== owner) return null;
    const rungs: number[][] = [];
    for (let rung = 0; fields[`rung:${rung}`] !== undefined; rung++) rungs.push(JSON.parse(fields[`rung:${rung}`] ?? '[]') as number[]);
    const jobs = Object.entries(fields).flatMap(([name, value]) => (name.startsWith('job:') ? [[name.slice(4), value] as const] : []));
    return { ...head, trials: JSON.parse(fields['trials'] ?? '[]') as SweepPlan['trials'], rungs, jobs: new Map(jobs) };
  }

  /** Newest first; `after` is the id of the last one of the page before. */
  async list(options: { readonly limit: number; readonly after?: string; readonly owner?: string }): Promise<SweepPage> {
    const start = options.after === undefined ? '+' : `(${options.after}`;
    const key = options.owner === undefined ? this.#keys.sweeps : this.#keys.sweepsOf(options.owner);
    const ids = await this.#redis.zrange(key, start, '-', 'BYLEX', 'REV', 'LIMIT', 0, options.limit + 1);
    const page = ids.slice(0, options.limit);
    const data = await Promise.all(
      page.map(async (id) => {
        const values = await this.#redis.hmget(this.#keys.sweep(id), ...headFields);
        return sweepSummary(headOf(id, Object.fromEntries(headFields.map((name, index) => [name, values[index] ?? undefined]))));
      }),
    );
    return { data, nextCursor: ids.length > page.length ? (page.at(-1) ?? null) : null };
  }

  /** The ids of the sweeps that have not ended. */
  async active(): Promise<string[]> {
    return await this.#redis.smembers(this.#keys.activeSweeps);
  }

  /** The sweep that a job belongs to, if any. */
  async sweepOf(jobId: string): Promise<string | null> {
    return await this.#redis.hget(this.#keys.job(jobId), 'sweep');
  }

  /** Notes which job a trial came to. */
  async setJob(id: string, rung: number, trial: number, jobId: string): Promise<void> {
    await this.#redis.hset(this.#keys.sweep(id), `job:${trialKey(rung, trial)}`, jobId);
  }

  /** Begins a rung; of several that do, the first decides. */
  async beginRung(id: string, rung: number, trials: readonly number[]): Promise<void> {
    await this.#redis.hsetnx(this.#keys.sweep(id), `rung:${rung}`, JSON.stringify(trials));
  }

  /** Whether somebody wants the sweep cancelled. */
  async isCancelled(id: string): Promise<boolean> {
    return (await this.#redis.hexists(this.#keys.sweep(id), 'cancelledAt')) === 1;
  }

  /** Notes that the sweep is to be cancelled, if it has not ended. */
  async requestCancel(id: string): Promise<void> {
    await this.#redis.hsetnx(this.#keys.sweep(id), 'cancelledAt', new Date().toISOString());
  }

  /** Ends the sweep, once. */
  async end({ id, owner }: SweepRecord, status: Exclude<SweepStatus, 'running' | 'cancelling'>): Promise<void> {
    const now = new Date().toISOString();
    await runScript(this.#redis, endSweep, [this.#keys.sweep(id), this.#keys.activeSweeps], [id, owner, status, now]);
  }
}

/** A sweep as lists show it. */
export function sweepSummary(record: SweepHead): SweepSummary {
  const { id, name, labels, status, createdAt, finishedAt, spec, space, strategy, metric, goal, seed } = record;
  return { id, name, labels: { ...labels }, status, createdAt, finishedAt, spec, space, strategy, metric, goal, seed };
}

const headFields = ['plan', 'createdAt', 'finishedAt', 'status', 'cancelledAt'] as const;

function headOf(id: string, fields: Readonly<Record<string, string | undefined>>): SweepHead {
  const ended = fields['status'] as SweepStatus | undefined;
  return {
    ...(JSON.parse(fields['plan'] ?? '') as Omit<SweepPlan, 'trials'>),
    id,
    createdAt: fields['createdAt'] ?? '',
    finishedAt: fields['finishedAt'] ?? null,
    status: ended ?? (fields['cancelledAt'] === undefined ? 'running' : 'cancelling'),
  };
}
