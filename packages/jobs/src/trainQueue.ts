// The BullMQ queue that wakes workers. Its entries are wake-ups: each means only that a job may be waiting. The worker that gets one calls
// `JobStore.take`. So an extra wake-up does no harm. Any process that finds a wake-up missing adds one.
import { type ConnectionOptions, type JobsOptions, Queue, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisKeys } from './redis/keys.ts';

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

  /** @param options.redis any connection but a subscriber's; it stays the caller's to close */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly onError?: (error: Error) => void }) {
    this.#queue = new Queue(trainQueueName, {
      connection: asConnection(options.redis),
      prefix: redisKeys(options.prefix).tag,
      defaultJobOptions: wakeUpOptions,
      // A lost connection during BullMQ's check would make it fail for good. `probeRedis` checks more than the version.
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
