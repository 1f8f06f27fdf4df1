// Removes files and events of jobs, uploaded weights and uploaded datasets that were deleted or whose creation did not finish. Redis
// records the id before anything is stored under it, and again in the step that deletes the job, weights or dataset. So the files are
// removed even after a crash. Also creates jobs that have files from the beginning.
import type { Job } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import type { JobStore, NewJob } from './jobStore.ts';
import { eachInTurn } from './pacing.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** How long a reservation lasts, in ms: within this time, the job must be created. */
const reservationMs = 60 * 60 * 1_000;

/**
 * How long files are kept after their job is missing in Redis, in ms. If Redis has lost its data, a backup can be restored within this
 * time.
 */
const unknownKeptMs = 24 * 60 * 60 * 1_000;

/** The maximum number of ids that one call of `sweep` handles. */
const atOnce = 100;

export class ReservedFiles {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #artifacts: ArtifactStore;

  /** The caller closes `redis` and `artifacts`. */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly artifacts: ArtifactStore }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#artifacts = options.artifacts;
  }

  /** Reserves the id of a new job for an hour. Call it before anything is stored for the job. Creating the job ends the reservation. */
  async reserve(jobId: string): Promise<void> {
    await this.#redis.zadd(this.#keys.reservedFiles, Date.now() + reservationMs, jobId);
  }

  /**
   * Schedules the removal of a job's files. In a day, the files are removed if the job still does not exist. Call it for a job that is
   * missing in Redis, because it was deleted or because Redis has lost its data.
   */
  async forget(jobId: string): Promise<void> {
    await this.#redis.zadd(this.#keys.reservedFiles, Date.now() + unknownKeptMs, jobId);
  }

  /** How long copied events of a new job are kept if the job is not created, in seconds. */
  static readonly reservationSeconds = reservationMs / 1_000;

  /** Removes the files and events of a job that was deleted or never created. Does nothing to an existing job. Safe to repeat. */
  async remove(jobId: string): Promise<void> {
    if ((await this.#redis.exists(this.#keys.holder(jobId))) === 0) {
      await this.#artifacts.deleteJob(jobId);
      await this.#redis.unlink(this.#keys.events(jobId));
    }
    await this.#redis.zrem(this.#keys.reservedFiles, jobId);
  }

  /**
   * Removes files whose time has come, up to 100 ids per call. Call it from time to time in every process; several processes may do so at
   * the same time.
   * @returns the number of ids that were handled
   */
  async sweep(now: number = Date.now()): Promise<number> {
    const due = await this.#redis.zrange(this.#keys.reservedFiles, '-inf', String(now), 'BYSCORE', 'LIMIT', 0, atOnce);
    await eachInTurn(due, async (jobId) => await this.remove(jobId));
    return due.length;
  }
}

/**
 * Creates a job for which files are stored first. After a crash at any point, there is either the job with its files, or a reservation.
 * When the reservation expires, the files are removed.
 * @param prepare stores the files of the job with this id, and returns its origin
 * @throws the errors of `prepare` and {@link JobStore.create}. The stored files are then removed, at the latest when the reservation
 *   expires
 */
export async function createPrepared(
  { jobs, reservedFiles, artifacts }: { readonly jobs: JobStore; readonly reservedFiles: ReservedFiles; readonly artifacts: ArtifactStore },
  request: Omit<NewJob, 'jobId' | 'origin' | 'files'>,
  prepare: (jobId: string) => Promise<NonNullable<NewJob['origin']>>,
): Promise<{ readonly job: Job; readonly replayed: boolean }> {
  const jobId = jobs.newId();
  await reservedFiles.reserve(jobId);
  let isMade = false;
  try {
    const origin = await prepare(jobId);
    const made = await jobs.create({ ...request, jobId, origin, files: await filesOf(artifacts, jobId) });
    isMade = !made.replayed;
    return made;
  } finally {
    // After an error the job may exist or not. `remove` checks this in Redis. If Redis cannot be read now, the reservation stays.
    if (!isMade) await reservedFiles.remove(jobId).catch(() => undefined);
  }
}

async function filesOf(artifacts: ArtifactStore, jobId: string): Promise<Readonly<Record<string, number>>> {
  const sizes = (await artifacts.names(jobId)).map(async (name) => [name, (await artifacts.stat(jobId, name))?.bytes ?? 0] as const);
  return Object.fromEntries(await Promise.all(sizes));
}
