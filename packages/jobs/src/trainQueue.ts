// The jobs that wait for a worker, and the BullMQ queue that wakes workers. An entry of the queue is a wake-up: it means only that a job
// may be waiting. The worker that gets one calls `JobStore.take`. So an extra wake-up does no harm. Any process that finds a wake-up
// missing adds one. The scripts decide which job is next (lua/shared/turns.lua).
import { type ConnectionOptions, type JobsOptions, Queue, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { batched } from './pacing.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { isRedisUnavailable } from './redis/redisFailure.ts';
import { adoptWaitingJobs, countMissingWakeUps, interruptLostJobs, readPositions } from './scripts/jobs.ts';

/** The name of the queue, for BullMQ's `Worker`. */
export const trainQueueName = 'train';

/** Duration of a worker's lease on a job, in ms. After this time without a renewal, another worker may take over the job. */
export const leaseMs = 6_000;

/** How long BullMQ locks a wake-up for a worker, in ms. After this time, it can be delivered to another worker. */
const wakeUpLockMs = 6_000;

/** The states of BullMQ that an entry of our queues can have. */
export const queueStates = ['wait', 'prioritized', 'delayed', 'active'] as const;

/** The data of a wake-up: none. */
export type WakeUp = null;

/** If a worker cannot take a job because of an error, its processor throws, and BullMQ delivers the wake-up again a second later. */
const wakeUpOptions: JobsOptions = {
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'fixed', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: true,
};

/**
 * Returns options for BullMQ's `Worker`.
 * @param options `redis`: a connection with role `worker`. BullMQ duplicates it for its blocking command
 */
export function trainWorkerOptions(options: {
  readonly redis: Redis;
  readonly prefix: string;
  readonly concurrency: number;
}): WorkerOptions {
  return {
    connection: asConnection(options.redis),
    prefix: redisKeys(options.prefix).tag,
    concurrency: options.concurrency,
    lockDuration: wakeUpLockMs,
    stalledInterval: 3_000,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    skipVersionCheck: true,
    // BullMQ wakes no worker when it returns the entry of a dead worker to the queue, so each worker looks every second.
    drainDelay: 1,
  };
}

export class TrainQueue {
  readonly #queue: Queue<WakeUp>;

  /** @param options.redis any connection except a subscriber's. The caller closes it */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly onError?: (error: Error) => void }) {
    this.#queue = new Queue(trainQueueName, {
      connection: asConnection(options.redis),
      prefix: redisKeys(options.prefix).tag,
      defaultJobOptions: wakeUpOptions,
      // If the connection breaks while BullMQ checks the version of Redis, its queue fails for good. `probeRedis` checks the version and
      // more.
      skipVersionCheck: true,
    });
    this.#queue.on('error', (error) => options.onError?.(error));
  }

  /** Adds `count` wake-ups in one round trip. */
  async wake(count = 1): Promise<void> {
    if (count > 0) await this.#queue.addBulk(Array.from({ length: count }, () => ({ name: trainQueueName, data: null })));
  }

  /** Returns the number of wake-ups in the queue, by BullMQ state. */
  async depths(): Promise<Readonly<Record<string, number>>> {
    return await this.#queue.getJobCounts(...queueStates);
  }

  /** Closes the queue. The connection stays open. */
  async close(): Promise<void> {
    await this.#queue.close();
  }
}

/** Converts the type: BullMQ's type is for ioredis 5 and 6, and ours is 6. */
function asConnection(redis: Redis): ConnectionOptions {
  return redis;
}

/** The maximum number of jobs whose wake-ups are added in one round trip. */
const wakeUpsAtOnce = 100;

/** The maximum number of jobs that one call of a script handles. A script blocks all other commands of Redis. */
const pageSize = 500;

/** Wakes workers for waiting jobs, adds wake-ups that were lost in a crash, and reads the positions of jobs in the queue. */
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

/** Ignores an error that means that Redis is unavailable: `reconcileQueue` adds the missing wake-up later. @throws other errors */
export function leaveToReconcile(error: unknown): void {
  if (!isRedisUnavailable(error)) throw error;
}
