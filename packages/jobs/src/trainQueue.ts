// The BullMQ queue that wakes workers. Its entries are wake-ups: each says only that a job may be waiting, and the worker that gets it asks
// `JobStore.take` for the job that is to start next. So a wake-up too many does no harm, and a missing one is added by whoever notices.
import { type ConnectionOptions, type JobsOptions, Queue, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisKeys } from './redis/keys.ts';

/** The name of the queue, for BullMQ's `Worker`. */
export const trainQueueName = 'train';

/** How long a worker that has died still counts as the one that has the job, in ms. */
export const leaseMs = 6_000;

/** How long a wake-up may be with a worker that has died, in ms. */
const wakeUpLockMs = 6_000;

/** The states of BullMQ that an entry of one of our queues can be in. */
export const queueStates = ['wait', 'prioritized', 'delayed', 'active'] as const;

/** What a wake-up carries: nothing. */
export type WakeUp = null;

/**
 * A wake-up ends by the processor returning. Throwing means that the worker could not ask for a job: it is delivered again a second later.
 */
const wakeUpOptions: JobsOptions = {
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'fixed', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: true,
};

/**
 * Options for BullMQ's `Worker`.
 * @param redis a connection with role `worker`; BullMQ makes a second one of it to block on
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
    // BullMQ wakes no waiting worker for an entry that it has taken back from a dead one, so each looks by itself every second.
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
      // It fails for good where Redis breaks off meanwhile, and `probeRedis` looks at more.
      skipVersionCheck: true,
    });
    this.#queue.on('error', (error) => options.onError?.(error));
  }

  /** Adds wake-ups, in one round trip. */
  async wake(count = 1): Promise<void> {
    if (count > 0) await this.#queue.addBulk(Array.from({ length: count }, () => ({ name: trainQueueName, data: null })));
  }

  /** How many wake-ups the queue has, by BullMQ's states. */
  async depths(): Promise<Readonly<Record<string, number>>> {
    return await this.#queue.getJobCounts(...queueStates);
  }

  /** Closes the queue, not the connection. */
  async close(): Promise<void> {
    await this.#queue.close();
  }
}

/** BullMQ describes ioredis 5 and 6 at once; ours is 6. */
function asConnection(redis: Redis): ConnectionOptions {
  return redis;
}
