// The BullMQ queue that hands jobs to workers. It carries ids only and decides nothing: a delivery is a reason to call
// `JobStore.claim`, which decides. A job delivered twice, or after its end, does no harm.
import { type ConnectionOptions, type JobsOptions, Queue, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { redisKeys } from './redis/keys.ts';

/** The name of the queue, for BullMQ's `Worker`. */
export const trainQueueName = 'train';

/** How long a worker that has died still counts as the one that has the job, in ms. */
export const deliveryLockMs = 6_000;

/** Where BullMQ keeps what a delivered job's worker has to renew. `tag` is `RedisKeys.tag`. */
export function deliveryKeys(tag: string, jobId: string): { readonly lock: string; readonly active: string; readonly suspects: string } {
  const queue = `${tag}:${trainQueueName}`;
  return { lock: `${queue}:${jobId}:lock`, active: `${queue}:active`, suspects: `${queue}:stalled` };
}

/**
 * The priority of the jobs that go first. BullMQ counts the other way round, from 1, and would deliver jobs without a
 * priority before all others: so every delivery has one.
 */
const highestPriority = 10;

/** The states of BullMQ that an entry of one of our queues can be in. */
export const queueStates = ['wait', 'prioritized', 'delayed', 'active'] as const;

/** What a delivery carries. */
export interface TrainDelivery {
  readonly jobId: string;
}

/** A job to be delivered. */
export interface QueueEntry {
  readonly jobId: string;
  /** 0 … 10; 10 goes first. */
  readonly priority: number;
}

/**
 * Deliveries end by the processor returning, whatever became of the job. Throwing means "could not get through to the
 * record": it is delivered again a second later. How often a job may be tried is counted in its record, not here.
 */
const deliveryOptions: JobsOptions = {
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'fixed', delay: 1_000 },
  removeOnComplete: true,
  removeOnFail: true,
};

/**
 * Options for BullMQ's `Worker`. Its own are too slow for us: a lost worker's job is delivered again when its lock (6 s)
 * ran out and the next check (every 3 s) saw it, and any number of times.
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
    lockDuration: deliveryLockMs,
    stalledInterval: 3_000,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    skipVersionCheck: true,
    // BullMQ wakes no waiting worker for a job with a priority that was handed back, so each looks by itself every second.
    drainDelay: 1,
  };
}

export class TrainQueue {
  readonly #queue: Queue<TrainDelivery>;

  /** @param options.redis any connection but a subscriber's; it stays the caller's to close */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly onError?: (error: Error) => void }) {
    this.#queue = new Queue(trainQueueName, {
      connection: asConnection(options.redis),
      prefix: redisKeys(options.prefix).tag,
      defaultJobOptions: deliveryOptions,
      // It fails for good where Redis breaks off meanwhile, and `probeRedis` looks at more.
      skipVersionCheck: true,
    });
    this.#queue.on('error', (error) => options.onError?.(error));
  }

  /** Puts the job in the queue; does nothing if it is there already. Jobs of a higher priority (0 … 10) are delivered first. */
  async add(jobId: string, priority = 0): Promise<void> {
    await this.addAll([{ jobId, priority }]);
  }

  /** The same for several jobs, in one round trip. */
  async addAll(jobs: readonly QueueEntry[]): Promise<void> {
    await this.#queue.addBulk(
      jobs.map(({ jobId, priority }) => ({
        name: trainQueueName,
        data: { jobId },
        opts: { jobId, priority: 1 + highestPriority - priority },
      })),
    );
  }

  /** Takes a job that nobody works on out of the queue, so that no worker wakes for it. */
  async remove(jobId: string): Promise<void> {
    await this.#queue.remove(jobId);
  }

  /** How many deliveries the queue has, by BullMQ's states. */
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
