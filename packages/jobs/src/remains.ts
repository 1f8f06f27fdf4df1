// What lies about of jobs, uploaded weights and uploaded datasets that are not there: files of one that was deleted, files and history
// put by for one that is yet to be made. Redis notes their ids before anything is put by and in the step that deletes, so that a
// crash leaves nothing for ever.
import type { Redis } from 'ioredis';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import { eachInTurn } from './eachInTurn.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** How long a job may take to be made once something is put by for it. */
const reservationMs = 60 * 60 * 1_000;

/**
 * How long the files of a job that Redis does not know any more are kept, in ms: where Redis has lost its data, there is time to restore
 * a backup.
 */
const unknownKeptMs = 24 * 60 * 60 * 1_000;

/** Jobs looked at in one round. */
const atOnce = 100;

export class Remains {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #artifacts: ArtifactStore;

  /** Both stay the caller's to close. */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly artifacts: ArtifactStore }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#artifacts = options.artifacts;
  }

  /** To be called before anything is stored for a job that is yet to be made; making it within the hour ends the reservation. */
  async reserve(jobId: string): Promise<void> {
    await this.#redis.zadd(this.#keys.remains, Date.now() + reservationMs, jobId);
  }

  /**
   * To be called when Redis does not know a job any more whose files may be there: it was deleted, or Redis has lost its data. The files
   * are removed a day later, unless the job is there again.
   */
  async forget(jobId: string): Promise<void> {
    await this.#redis.zadd(this.#keys.remains, Date.now() + unknownKeptMs, jobId);
  }

  /** How long (s) a history that is put by is kept, unless the job is made. */
  static readonly reservationSeconds = reservationMs / 1_000;

  /** Removes what there is of a job that was deleted or never made; of one that is there, nothing. Safe to repeat. */
  async remove(jobId: string): Promise<void> {
    if ((await this.#redis.exists(this.#keys.holder(jobId))) === 0) {
      await this.#artifacts.deleteJob(jobId);
      await this.#redis.unlink(this.#keys.events(jobId));
    }
    await this.#redis.zrem(this.#keys.remains, jobId);
  }

  /**
   * Removes what crashes left behind; to be called now and then by every process, any number of them at once.
   * @returns how many jobs it cleared up after
   */
  async sweep(now: number = Date.now()): Promise<number> {
    const due = await this.#redis.zrange(this.#keys.remains, '-inf', String(now), 'BYSCORE', 'LIMIT', 0, atOnce);
    await eachInTurn(due, async (jobId) => await this.remove(jobId));
    return due.length;
  }
}
