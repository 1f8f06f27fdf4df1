// The jobs that wait for a worker. Wakes workers for them, adds wake-ups that were lost in a crash, and reads the positions of jobs. The
// scripts decide which job is next (lua/shared/turns.lua).
import type { Redis } from 'ioredis';
import { batched } from './batched.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { adoptWaitingJobs, countMissingWakeUps, interruptLostJobs, readPositions } from './scripts/queue.ts';
import type { TrainQueue } from './trainQueue.ts';

/** Most jobs whose wake-ups are added in one round trip. */
const wakeUpsAtOnce = 100;

/** Most jobs that one call of a script handles. A script blocks all other commands of Redis. */
const pageSize = 500;

export class WaitingJobs {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #queue: TrainQueue;

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly queue: TrainQueue }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#queue = options.queue;
  }

  readonly #wakeTogether = batched<number>(
    async (missing) => await this.#queue.wake(Math.min(missing.length, Math.max(...missing))),
    wakeUpsAtOnce,
  );

  /**
   * Wakes a worker for a new job. Calls at the same time share a round trip.
   * @param missing number of missing wake-ups when the job was recorded; 0 adds none
   */
  async wakeOne(missing: number): Promise<void> {
    if (missing > 0) await this.#wakeTogether(missing);
  }

  /** Adds `count` wake-ups. */
  async wake(count: number): Promise<void> {
    await this.#queue.wake(count);
  }

  /** Adds the missing wake-ups. @returns how many were missing */
  async wakeMissing(): Promise<number> {
    const missing = await countMissingWakeUps(this.#redis, { tag: this.#keys.tag });
    await this.wake(missing);
    return missing;
  }

  /**
   * Repairs the queue after crashes, and moves waiting jobs of version 0.1.0. Call it every few seconds in every process; several processes
   * may do so at the same time.
   * @returns how many wake-ups were missing
   */
  async reconcile(): Promise<number> {
    await this.#adoptWaiting();
    return await this.wakeMissing();
  }

  /** Lets other workers take over running jobs with an expired lease, and wakes workers for them. @returns the ids of these jobs */
  async interruptLost(): Promise<readonly string[]> {
    const { tag, interrupted } = this.#keys;
    const running = this.#keys.list(undefined, 'running');
    const lost: string[] = [];
    let after = '';
    do {
      const [next, ids] = await interruptLostJobs(this.#redis, { running, interrupted, tag, after, pageSize });
      lost.push(...ids);
      after = next;
    } while (after !== '');
    if (lost.length > 0) await this.wakeMissing();
    return lost;
  }

  /** Returns the position of each job in the queue: 1 starts next if the keys take turns. A job that does not wait has no entry. */
  async positions(jobIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (jobIds.length === 0) return new Map();
    const positions = await readPositions(this.#redis, { tag: this.#keys.tag, jobIds });
    return new Map(positions.flatMap((position, at) => (position === 0 ? [] : [[jobIds[at] ?? '', position]])));
  }

  async #adoptWaiting(): Promise<void> {
    const { formerWaiting, tag } = this.#keys;
    if ((await this.#redis.exists(formerWaiting)) === 0) return;
    for (let left = 1; left > 0; ) left = await adoptWaitingJobs(this.#redis, { formerWaiting, tag, pageSize });
  }
}
