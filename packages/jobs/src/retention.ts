// Deletes finished jobs that are too old or too many, with their events and files, as if a user had deleted them. Jobs that have not ended
// are never deleted.
import { finalStatuses } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { JobNotFoundError } from './errors.ts';
import { endedBefore } from './jobList.ts';
import type { JobStore } from './jobStore.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import type { ReservedFiles } from './reservedFiles.ts';
import { SweepStore } from './sweeps/sweepStore.ts';

export interface RetentionLimits {
  /** Days for which jobs and sweeps are kept after their end; null: no limit. */
  readonly days: number | null;
  /** Number of finished jobs that are kept, the newest of all owners; null: no limit. */
  readonly jobs: number | null;
}

const dayMs = 24 * 60 * 60 * 1_000;

/** One call removes about this many jobs at most for each limit, so that it is short. The next call continues. */
const atOnce = 200;

export class Retention {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #jobs: JobStore;
  readonly #reservedFiles: ReservedFiles;
  readonly #sweeps: SweepStore;
  readonly #limits: RetentionLimits;

  constructor(options: {
    readonly redis: Redis;
    readonly prefix: string;
    readonly jobs: JobStore;
    readonly reservedFiles: ReservedFiles;
    readonly limits: RetentionLimits;
  }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#jobs = options.jobs;
    this.#reservedFiles = options.reservedFiles;
    this.#sweeps = new SweepStore(options);
    this.#limits = options.limits;
  }

  /**
   * Deletes finished jobs over the limits and sweeps that ended too long ago, oldest first. Call it from time to time in every process;
   * several processes may do so at the same time. A crash leaves nothing behind, because deleting a job also schedules the removal of its
   * files.
   * @param now the time in ms
   * @returns the number of deleted jobs
   */
  async sweep(now: number = Date.now()): Promise<number> {
    let removed = 0;
    for (const jobId of [...(await this.#tooOld(now)), ...(await this.#tooMany())]) {
      try {
        await this.#jobs.delete(jobId);
        removed += 1;
      } catch (error) {
        // Another process or the owner has deleted it meanwhile.
        if (!(error instanceof JobNotFoundError)) throw error;
        continue;
      }
      await this.#reservedFiles.remove(jobId);
    }
    await this.#removeSweeps(now);
    return removed;
  }

  async #removeSweeps(now: number): Promise<void> {
    const { days } = this.#limits;
    if (days === null) return;
    for (const id of await this.#sweeps.endedBefore(now - days * dayMs, atOnce)) {
      const record = await this.#sweeps.get(id);
      if (record !== null) await this.#sweeps.delete(record);
    }
  }

  async #tooOld(now: number): Promise<string[]> {
    const { days } = this.#limits;
    if (days === null) return [];
    const shared = { kind: 'job', record: (jobId: string) => this.#keys.job(jobId), time: now - days * dayMs, limit: atOnce } as const;
    const lists = finalStatuses.map((status) => this.#keys.list(undefined, status));
    const found = await Promise.all(lists.map(async (list) => await endedBefore(this.#redis, { ...shared, list })));
    return found.flat();
  }

  /** Returns the oldest finished jobs, as many as are over the limit. */
  async #tooMany(): Promise<string[]> {
    const { jobs } = this.#limits;
    if (jobs === null) return [];
    const lists = finalStatuses.map((status) => this.#keys.list(undefined, status));
    // Reads counts and lists in one transaction. Otherwise deletions by other processes in between would make this one delete too many.
    const reading = this.#redis.multi();
    for (const list of lists) reading.zcard(list).zrange(list, '0', String(atOnce - 1));
    const replies = (await reading.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    const count = lists.reduce((sum, _, at) => sum + Number(replies[2 * at]?.[1] ?? 0), 0);
    const oldest = lists.map((_, at) => (replies[2 * at + 1]?.[1] ?? []) as string[]);
    const excess = Math.min(atOnce, Math.max(0, count - jobs));
    return oldest.flat().toSorted().slice(0, excess);
  }
}
