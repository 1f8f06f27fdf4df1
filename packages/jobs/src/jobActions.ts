// The actions of users on a job: cancel, pause, resume, describe and delete. Also the actions in place of lost workers: their jobs are cancelled,
// paused or queued again. Each action is one Lua script. Repeating the action that led to the current status changes nothing.
import type { Job, JobAction, JobChange } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import { JobNotFoundError, JobStateError } from './errors.ts';
import { overQuotaError, type Quotas, quotaText } from './quotas.ts';
import { listedLabels } from './record.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { actionScripts, deleteJob, describeJob, reapJob, settleJob } from './scripts/jobs.ts';
import { leaveToReconcile, type WaitingJobs } from './trainQueue.ts';

/** Cancel and pause requests younger than this, in ms, are left to the job's worker or to the worker that takes over the job. */
const settleGraceMs = 8_000;

export interface JobActionsOptions {
  readonly redis: Redis;
  readonly prefix: string;
  readonly waiting: WaitingJobs;
  /** Returns the job. @throws JobNotFoundError if the job does not exist */
  readonly find: (jobId: string) => Promise<Job>;
}

export class JobActions {
  readonly #options: JobActionsOptions;
  readonly #keys: RedisKeys;

  constructor(options: JobActionsOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Cancels, pauses or resumes a job. For a running job, cancel and pause are requests: its worker changes `cancelling` to `cancelled`
   * within a second, and `pausing` to `paused` after the current step. The script of the action decides which statuses it changes.
   * @returns the job after the action
   * @throws JobNotFoundError if the job does not exist
   * @throws JobStateError if the action is not allowed in the job's status
   */
  async act(action: JobAction, jobId: string): Promise<Job> {
    const keys = this.#keys;
    const now = new Date();
    const [outcome, status] = await actionScripts[action](this.#options.redis, {
      job: keys.job(jobId),
      actionRequests: keys.actionRequests,
      tag: keys.tag,
      jobId,
      now: now.toISOString(),
      nowMs: now.getTime(),
    });
    if (outcome === 'missing') throw new JobNotFoundError(jobId);
    if (outcome === 'refused') throw new JobStateError(jobId, action, status);
    const job = await this.#options.find(jobId);
    if (job.status === 'queued') await this.#options.waiting.wakeMissing().catch(leaveToReconcile);
    return job;
  }

  /**
   * Changes the name, the labels and the notes of a job in any status. If another request changes them at the same time, both changes are
   * made, one after the other.
   * @returns the job after the change
   * @throws JobNotFoundError if the job does not exist
   * @throws QuotaExceededError if the owner would be over its quota of storage or Redis memory
   */
  async describe(jobId: string, change: JobChange, quotas: Quotas): Promise<Job> {
    const keys = this.#keys;
    const job = keys.job(jobId);
    for (;;) {
      const fields = await this.#options.redis.hmget(job, 'spec', 'notes', 'reuseKey', 'verifies');
      const [specBefore, notesBefore, reuseKey, verifies] = fields;
      if (typeof specBefore !== 'string') throw new JobNotFoundError(jobId);
      const spec = changedSpec(JSON.parse(specBefore) as JobSpec, change);
      const reply = await describeJob(this.#options.redis, {
        job,
        files: keys.files(jobId),
        tag: keys.tag,
        jobId,
        specBefore,
        notesBefore: notesBefore ?? '',
        spec: JSON.stringify(spec),
        labels: JSON.stringify(listedLabels(spec, reuseKey ?? undefined, verifies ?? undefined)),
        notes: (change.notes === undefined ? notesBefore : change.notes) ?? '',
        quotas: quotaText(quotas),
      });
      if (reply[0] === 'described') return await this.#options.find(jobId);
      if (reply[0] === 'missing') throw new JobNotFoundError(jobId);
      if (reply[0] === 'overQuota') throw overQuotaError(reply);
    }
  }

  /**
   * Deletes a finished job with its events. {@link ReservedFiles} removes its files later.
   * @throws JobNotFoundError if the job does not exist
   * @throws JobStateError if the job has not ended
   */
  async delete(jobId: string): Promise<void> {
    const keys = this.#keys;
    const [outcome, status] = await deleteJob(this.#options.redis, {
      job: keys.job(jobId),
      events: keys.events(jobId),
      files: keys.files(jobId),
      reservedFiles: keys.reservedFiles,
      tag: keys.tag,
      jobId,
      nowMs: Date.now(),
    });
    if (outcome === 'missing') throw new JobNotFoundError(jobId);
    if (outcome === 'refused') throw new JobStateError(jobId, 'delete', status);
  }

  /**
   * Cancels or pauses jobs in place of lost workers. Call it every few seconds in every process; several processes may do so at the same
   * time.
   * @param olderThanMs leaves younger requests to the workers
   * @returns the number of jobs that were cancelled or paused
   */
  async settleAbandoned(olderThanMs: number = settleGraceMs): Promise<number> {
    const keys = this.#keys;
    let settled = 0;
    for (const jobId of await this.#options.redis.zrangebyscore(keys.actionRequests, '-inf', Date.now() - olderThanMs)) {
      const [outcome] = await settleJob(this.#options.redis, {
        job: keys.job(jobId),
        lease: keys.lease(jobId),
        actionRequests: keys.actionRequests,
        tag: keys.tag,
        jobId,
        now: new Date().toISOString(),
      });
      if (outcome === 'settled') settled += 1;
    }
    return settled;
  }
}

/** Returns the spec with another name and other labels, if `change` has them. */
function changedSpec({ name: nameBefore, labels: labelsBefore, ...rest }: JobSpec, change: JobChange): JobSpec {
  const { name = nameBefore, labels = labelsBefore } = change;
  return { ...(typeof name === 'string' && { name }), ...(labels && { labels }), ...rest };
}

/**
 * How long a running job must be without a lease before it is queued again, in ms. After an outage of Redis, its worker gets an expired
 * lease again within this time.
 */
const graceMs = 12_000;

/** The maximum number of running jobs that one round trip checks. */
const pageSize = 500;

/**
 * Queues a running job again when its worker is lost, so that no job stays `running` without a worker. If another worker is free, it takes
 * over the job earlier than this.
 */
export class Reaper {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  /** Running jobs without a lease, and the time (ms) when this was first seen. */
  #suspects = new Map<string, number>();

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Queues jobs of lost workers again. Call it every few seconds in every process; several processes may do so at the same time.
   * @param now the time in ms
   * @returns the number of jobs that were queued again
   */
  async sweep(now: number = Date.now()): Promise<number> {
    const suspects = new Map<string, number>();
    let reaped = 0;
    for (const jobId of await this.#withoutLease()) {
      const since = this.#suspects.get(jobId) ?? now;
      if (now - since < graceMs) suspects.set(jobId, since);
      else if (await this.#reap(jobId)) reaped += 1;
    }
    this.#suspects = suspects;
    return reaped;
  }

  /** Restarts the waiting time of every job. Call it after an outage of Redis, during which no worker could renew a lease. */
  forgetSuspects(): void {
    this.#suspects = new Map();
  }

  async #withoutLease(): Promise<string[]> {
    const found: string[] = [];
    for (let from = '-'; ; ) {
      const page = await this.#redis.zrange(this.#keys.list(undefined, 'running'), from, '+', 'BYLEX', 'LIMIT', 0, pageSize);
      const pipeline = this.#redis.pipeline();
      for (const jobId of page) pipeline.exists(this.#keys.lease(jobId));
      const replies = (await pipeline.exec()) ?? [];
      for (const [error] of replies) if (error) throw error;
      found.push(...page.filter((_, at) => replies[at]?.[1] === 0));
      if (page.length < pageSize) return found;
      from = `(${page.at(-1)}`;
    }
  }

  async #reap(jobId: string): Promise<boolean> {
    const keys = this.#keys;
    const [outcome] = await reapJob(this.#redis, { job: keys.job(jobId), lease: keys.lease(jobId), tag: keys.tag, jobId });
    return outcome === 'reaped';
  }
}
