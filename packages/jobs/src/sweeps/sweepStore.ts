// The records of sweeps: the plan, the rungs that have begun, and the id of the job of each trial. The jobs themselves are in the job
// store. Any process may repeat any step: each step changes the record only once.
import type { SweepPage, SweepStatus, SweepSummary } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import { ulid } from 'ulid';
import { IdempotencyMismatchError } from '../errors.ts';
import { bodyDigest, type Idempotency, idempotencySeconds, madeBefore, memoryOf } from '../idempotency.ts';
import { endedBefore, fittingPage } from '../jobList.ts';
import { overQuotaError, type Quotas, quotaText } from '../quotas.ts';
import { jobMemory, recordMemory } from '../record.ts';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { createSweep, deleteSweep, endSweep, setOnceInSweep } from '../scripts/sweeps.ts';
import { type TrialValues, withChanges } from './space.ts';
import { type FormerPlan, fieldsOf, type PlannedTrial, type SweepPlan, upgradeRecord } from './sweepPlan.ts';

/** The current state of a sweep, without its specs. */
export interface SweepRecord extends Omit<SweepPlan, 'trials' | 'spec'> {
  readonly id: string;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly status: SweepStatus;
  /** The epochs of each trial's whole spec. */
  readonly epochs: readonly number[];
  /** The trials in each rung that has begun, as indices into `epochs`. */
  readonly rungs: readonly (readonly number[])[];
  /** The ids of the created jobs, by {@link trialKey}. */
  readonly jobs: ReadonlyMap<string, string>;
}

/** Returns the key of a trial of a rung in {@link SweepRecord.jobs}. */
export function trialKey(rung: number, trial: number): string {
  return `${rung}:${trial}`;
}

const headFields = ['head', 'createdAt', 'finishedAt', 'status', 'cancelledAt', 'plan'] as const;

export class SweepStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Records a sweep. From then on its jobs are created, even if this process ends. The jobs of the first rung count for the owner's quotas
   * at once. If `quotas` is omitted, no quotas apply.
   * @returns its id; `replayed`: an earlier request with the same idempotency key created the sweep
   * @throws QuotaExceededError if the owner would be over a quota
   * @throws IdempotencyMismatchError if the key was used for another body
   */
  async create(
    plan: SweepPlan,
    { quotas, idempotency }: { readonly quotas?: Quotas; readonly idempotency?: Idempotency } = {},
  ): Promise<{ readonly id: string; readonly replayed: boolean }> {
    const firstRung = JSON.stringify(plan.trials.map((_, index) => index));
    const { record, trials, bytes } = fieldsOf(plan);
    const id = `sweep_${ulid()}`;
    const keys = this.#keys;
    const reply = await createSweep(this.#redis, {
      sweep: keys.sweep(id),
      trials: keys.sweepTrials(id),
      sweeps: keys.sweeps,
      sweepsOfOwner: keys.sweepsOf(plan.owner),
      activeSweeps: keys.activeSweeps,
      idempotency: memoryOf(keys, plan.owner, idempotency),
      tag: keys.tag,
      sweepId: id,
      owner: plan.owner,
      quotas: quotaText(quotas),
      firstJobs: plan.trials.length,
      digest: idempotency ? bodyDigest(idempotency) : '',
      idempotencySeconds,
      recordBytes: bytes,
      jobBytes: plan.trials.reduce((sum, { specBytes }) => sum + specBytes, 0),
      recordRedisBytes: recordMemory + bytes,
      jobRedisBytes: plan.trials.reduce((sum, { specBytes, epochs }) => sum + jobMemory(specBytes, epochs), 0),
      record: [...record, 'createdAt', new Date().toISOString(), 'rung:0', firstRung],
      trialFields: trials,
    });
    if (reply[0] === 'overQuota') throw overQuotaError(reply);
    if (reply[0] === 'mismatch') throw new IdempotencyMismatchError();
    return { id: reply[1], replayed: reply[0] === 'replayed' };
  }

  /**
   * Returns the sweep that an earlier request with the idempotency key created; null if there is none. See {@link JobStore.replay}.
   * @throws IdempotencyMismatchError if the key was used for another body
   */
  async replay(owner: string, idempotency: Idempotency): Promise<SweepRecord | null> {
    const before = await madeBefore(this.#redis, this.#keys, owner, idempotency);
    if (before === null) return null;
    if (!before.isSame) throw new IdempotencyMismatchError();
    return await this.get(before.id);
  }

  /** Returns the sweep; null if it does not exist, or if `owner` is given and is not its owner. */
  async get(id: string, owner?: string): Promise<SweepRecord | null> {
    // The owner is checked first, so that a request never reads the record of another key, which may be large.
    if (owner !== undefined && (await this.#redis.zscore(this.#keys.sweepsOf(owner), id)) === null) return null;
    const fields = await this.#redis.hgetall(this.#keys.sweep(id));
    if (fields['plan'] !== undefined) {
      await upgradeRecord(this.#redis, this.#keys, id, fields);
      return await this.get(id);
    }
    if (fields['head'] === undefined) return null;
    const rungs: number[][] = [];
    for (let rung = 0; fields[`rung:${rung}`] !== undefined; rung++) rungs.push(JSON.parse(fields[`rung:${rung}`] ?? '[]') as number[]);
    const jobs = Object.entries(fields).flatMap(([name, value]) => (name.startsWith('job:') ? [[name.slice(4), value] as const] : []));
    return { ...headOf(id, fields), epochs: JSON.parse(fields['epochs'] ?? '[]') as number[], rungs, jobs: new Map(jobs) };
  }

  /** Returns the base spec of a sweep. */
  async spec(id: string): Promise<JobSpec> {
    return JSON.parse((await this.#redis.hget(this.#keys.sweepTrials(id), 'spec')) ?? 'null') as JobSpec;
  }

  /** Returns the whole spec of a trial; null if there is no such trial. @param base the base spec of its sweep */
  async trialSpec(id: string, base: JobSpec, trial: number): Promise<JobSpec | null> {
    const text = await this.#redis.hget(this.#keys.sweepTrials(id), String(trial));
    return text === null ? null : (withChanges(base, (JSON.parse(text) as Pick<PlannedTrial, 'changes'>).changes) as JobSpec);
  }

  /** Returns the values of some trials, in the order of `trials`. Ask for a page at a time, because a sweep may have many trials. */
  async values(id: string, trials: readonly number[]): Promise<TrialValues[]> {
    if (trials.length === 0) return [];
    const texts = await this.#redis.hmget(this.#keys.sweepTrials(id), ...trials.map(String));
    return texts.map((text) => (text === null ? {} : (JSON.parse(text) as Pick<PlannedTrial, 'values'>).values));
  }

  /**
   * Lists sweeps, newest first. `after` is the `nextCursor` of the previous page. A page has at most `limit` sweeps and about 2 MiB, but
   * at least one sweep.
   */
  async list(options: { readonly limit: number; readonly after?: string; readonly owner?: string }): Promise<SweepPage> {
    const start = options.after === undefined ? '+' : `(${options.after}`;
    const key = options.owner === undefined ? this.#keys.sweeps : this.#keys.sweepsOf(options.owner);
    const found = await this.#redis.zrange(key, start, '-', 'BYLEX', 'REV', 'LIMIT', 0, options.limit + 1);
    const { page, hasMore } = await fittingPage(this.#redis, found, options.limit, (id) => [
      [this.#keys.sweep(id), 'head'],
      [this.#keys.sweep(id), 'plan'],
      [this.#keys.sweepTrials(id), 'spec'],
    ]);
    const data: SweepSummary[] = [];
    for (const id of page) {
      const summary = await this.#summary(id);
      if (summary !== null) data.push(summary);
    }
    return { data, nextCursor: hasMore ? (page.at(-1) ?? null) : null };
  }

  /** Returns a sweep as lists show it; null if it was deleted meanwhile. */
  async #summary(id: string): Promise<SweepSummary | null> {
    const values = await this.#redis.hmget(this.#keys.sweep(id), ...headFields);
    const fields = Object.fromEntries(headFields.map((name, index) => [name, values[index] ?? undefined]));
    if (fields['plan'] !== undefined) {
      // A record of version 0.1.0 has the spec in its plan. The list does not upgrade the record: it would have to read all trials.
      const { spec, ...plan } = JSON.parse(fields['plan']) as FormerPlan;
      return sweepSummary(headOf(id, { ...fields, head: JSON.stringify(plan) }), spec);
    }
    return fields['head'] === undefined ? null : sweepSummary(headOf(id, fields), await this.spec(id));
  }

  /** Returns the ids of sweeps that ended before `time` (ms), in order of creation: fewer than 2 × `limit`. */
  async endedBefore(time: number, limit: number): Promise<string[]> {
    const keys = this.#keys;
    return await endedBefore(this.#redis, { list: keys.sweeps, kind: 'sweep', record: (id) => keys.sweep(id), time, limit });
  }

  /** Returns the ids of the sweeps that have not ended. */
  async active(): Promise<string[]> {
    return await this.#redis.smembers(this.#keys.activeSweeps);
  }

  /** Returns the id of the sweep that created a job; null if there is none. */
  async sweepOf(jobId: string): Promise<string | null> {
    return await this.#redis.hget(this.#keys.job(jobId), 'sweep');
  }

  /** Records the job of a trial, unless a job is already recorded. */
  async setJob(id: string, rung: number, trial: number, jobId: string): Promise<void> {
    await this.#setOnce(id, `job:${trialKey(rung, trial)}`, jobId);
  }

  /** Begins a rung with these trials, unless the rung has already begun. */
  async beginRung(id: string, rung: number, trials: readonly number[]): Promise<void> {
    await this.#setOnce(id, `rung:${rung}`, JSON.stringify(trials));
  }

  /** Whether a cancel was requested. */
  async isCancelled(id: string): Promise<boolean> {
    return (await this.#redis.hexists(this.#keys.sweep(id), 'cancelledAt')) === 1;
  }

  /** Records that a cancel was requested. */
  async requestCancel(id: string): Promise<void> {
    await this.#setOnce(id, 'cancelledAt', new Date().toISOString());
  }

  /** Ends the sweep, unless it has already ended. */
  async end({ id, owner }: SweepRecord, status: Exclude<SweepStatus, 'running' | 'cancelling'>): Promise<void> {
    const { activeSweeps, tag } = this.#keys;
    const now = new Date().toISOString();
    await endSweep(this.#redis, { sweep: this.#keys.sweep(id), activeSweeps, tag, sweepId: id, owner, final: status, now });
  }

  /** Deletes the record of a sweep that has ended. Its jobs are kept. */
  async delete({ id, owner }: SweepRecord): Promise<'deleted' | 'missing' | 'running'> {
    const keys = this.#keys;
    const [outcome] = await deleteSweep(this.#redis, {
      sweep: keys.sweep(id),
      trials: keys.sweepTrials(id),
      sweeps: keys.sweeps,
      sweepsOfOwner: keys.sweepsOf(owner),
      tag: keys.tag,
      sweepId: id,
      owner,
    });
    return outcome;
  }

  /** Sets a field if it is not set yet and the sweep exists. */
  async #setOnce(id: string, field: string, value: string): Promise<void> {
    await setOnceInSweep(this.#redis, { sweep: this.#keys.sweep(id), field, value });
  }
}

type SweepHead = Omit<SweepRecord, 'epochs' | 'rungs' | 'jobs'>;

/** Returns a sweep as lists show it. */
export function sweepSummary(record: SweepHead, spec: JobSpec): SweepSummary {
  const { id, name, labels, status, createdAt, finishedAt, space, strategy, metric, goal, seed } = record;
  return { id, name, labels: { ...labels }, status, createdAt, finishedAt, spec, space, strategy, metric, goal, seed };
}

function headOf(id: string, fields: Readonly<Record<string, string | undefined>>): SweepHead {
  const ended = fields['status'] as SweepStatus | undefined;
  return {
    ...(JSON.parse(fields['head'] ?? '') as Omit<SweepPlan, 'trials' | 'spec'>),
    id,
    createdAt: fields['createdAt'] ?? '',
    finishedAt: fields['finishedAt'] ?? null,
    status: ended ?? (fields['cancelledAt'] === undefined ? 'running' : 'cancelling'),
  };
}
