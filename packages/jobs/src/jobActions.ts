// What is done to a job from outside of its run: cancel, pause, resume, delete; and what is done in place of a worker that is
// gone. Each is a compare-and-set in one Lua script; repeating the action that led to the present status changes nothing.
import { finalStatuses, type Job, type JobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { JobNotFoundError, JobStateError } from './errors.ts';
import { leaveToReconcile } from './queueAway.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { cancelJob } from './scripts/cancelJob.ts';
import { deleteJob } from './scripts/deleteJob.ts';
import { pauseJob } from './scripts/pauseJob.ts';
import { resumeJob } from './scripts/resumeJob.ts';
import { type Reply, runScript } from './scripts/script.ts';
import { settleJob } from './scripts/settleJob.ts';
import type { WaitingJobs } from './waitingJobs.ts';

/** Wishes younger than this are still being met by the worker, or noticed by another to be late. */
const settleGraceMs = 8_000;

export interface JobActionsOptions {
  readonly redis: Redis;
  readonly prefix: string;
  readonly waiting: WaitingJobs;
  /** @throws JobNotFoundError */
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
   * queued, paused → cancelled; running, pausing → cancelling, which its worker makes cancelled within a second. A job that is
   * cancelling or cancelled stays as it is.
   * @returns the job as it is then
   * @throws JobNotFoundError
   * @throws JobStateError the job has succeeded or failed
   */
  async cancel(jobId: string): Promise<Job> {
    const keys = this.#keys;
    const now = new Date();
    const reply = await runScript(
      this.#options.redis,
      cancelJob,
      [keys.job(jobId), keys.events(jobId), keys.leaving, ...keys.ending],
      [jobId, keys.eventChannel, keys.wishChannel, now.toISOString(), now.getTime()],
    );
    return await this.#accepted(jobId, 'cancel', reply);
  }

  /**
   * queued → paused; running → pausing, which its worker makes paused after the step in hand. A job that is pausing or paused stays
   * as it is.
   * @returns the job as it is then
   * @throws JobNotFoundError
   * @throws JobStateError the job is in any other status
   */
  async pause(jobId: string): Promise<Job> {
    const keys = this.#keys;
    const reply = await runScript(
      this.#options.redis,
      pauseJob,
      [keys.job(jobId), keys.events(jobId), keys.leaving],
      [jobId, keys.eventChannel, keys.wishChannel, Date.now()],
    );
    return await this.#accepted(jobId, 'pause', reply);
  }

  /**
   * paused → queued. A job that was resumed and has not been taken yet stays as it is.
   * @returns the job as it is then
   * @throws JobNotFoundError
   * @throws JobStateError the job is in any other status
   */
  async resume(jobId: string): Promise<Job> {
    const keys = this.#keys;
    const reply = await runScript(
      this.#options.redis,
      resumeJob,
      [keys.job(jobId), keys.events(jobId)],
      [jobId, keys.eventChannel, Date.now()],
    );
    const job = await this.#accepted(jobId, 'resume', reply);
    await this.#options.waiting.wakeMissing().catch(leaveToReconcile);
    return job;
  }

  /**
   * Removes a finished job with its events. Its files then are {@link Remains}' to remove.
   * @throws JobNotFoundError
   * @throws JobStateError the job has not ended
   */
  async delete(jobId: string): Promise<void> {
    const keys = this.#keys;
    const [outcome, status] = await runScript(
      this.#options.redis,
      deleteJob,
      [keys.job(jobId), keys.events(jobId), keys.remains, keys.files(jobId)],
      [jobId, Date.now(), ...finalStatuses],
    );
    if (outcome === 'missing') throw new JobNotFoundError(jobId);
    if (outcome === 'refused') throw new JobStateError(jobId, 'delete', status as JobStatus);
  }

  /**
   * Cancels or pauses the jobs for which someone wants that and whose worker is gone; to be called every few seconds by every
   * process, any number of them at once.
   * @param olderThanMs leaves younger wishes to the workers
   * @returns how many jobs it settled
   */
  async settleAbandoned(olderThanMs: number = settleGraceMs): Promise<number> {
    const keys = this.#keys;
    let settled = 0;
    for (const jobId of await this.#options.redis.zrangebyscore(keys.leaving, '-inf', Date.now() - olderThanMs)) {
      const [outcome] = await runScript(
        this.#options.redis,
        settleJob,
        [keys.job(jobId), keys.events(jobId), keys.lease(jobId), keys.leaving, ...keys.ending],
        [jobId, keys.eventChannel, new Date().toISOString()],
      );
      if (outcome === 'settled') settled += 1;
    }
    return settled;
  }

  /** The job after an action, unless that was refused. */
  async #accepted(jobId: string, action: string, [outcome, status]: Reply): Promise<Job> {
    if (outcome === 'missing') throw new JobNotFoundError(jobId);
    if (outcome === 'refused') throw new JobStateError(jobId, action, status as JobStatus);
    return await this.#options.find(jobId);
  }
}
