// Totals of the whole service, for monitoring only. The scripts store them in Redis, so that each epoch and each ended job counts once,
// even if several processes work or processes restart.
import { type FinalStatus, finalStatuses } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { isNearlyFull, type RedisMemory, readRedisMemory } from './redis/redisProbe.ts';
import type { TrainQueue } from './trainQueue.ts';
import type { WebhookStore } from './webhooks.ts';
import { type PresentWorker, WorkerPresence } from './workerPresence.ts';

export interface Totals {
  /** Epochs, samples and seconds trained since the data of this Redis began. */
  readonly epochs: number;
  readonly samples: number;
  readonly seconds: number;
  /** The number of ended jobs by final status, since the data of this Redis began. */
  readonly ended: Readonly<Record<FinalStatus, number>>;
  /** Current jobs by state. `stopping`: `cancelling` or `pausing`. */
  readonly jobs: { readonly queued: number; readonly running: number; readonly stopping: number };
  /** Number of entries by queue name and BullMQ state. */
  readonly queues: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly workers: readonly PresentWorker[];
  /** The memory of Redis; null if Redis does not show it. `hasRoom`: it is not nearly full. */
  readonly redisMemory: (RedisMemory & { readonly hasRoom: boolean }) | null;
}

export class ServiceTotals {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #presence: WorkerPresence;
  readonly #queues: { readonly train: TrainQueue; readonly webhooks: WebhookStore };

  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly queue: TrainQueue; readonly webhooks: WebhookStore }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#presence = new WorkerPresence(options);
    this.#queues = { train: options.queue, webhooks: options.webhooks };
  }

  async read(): Promise<Totals> {
    const { totals, actionRequests } = this.#keys;
    const [sums, queued, stopping, workers, train, webhooks, memory] = await Promise.all([
      this.#redis.hgetall(totals),
      this.#redis.zcard(this.#keys.list(undefined, 'queued')),
      this.#redis.zcard(actionRequests),
      this.#presence.list(),
      this.#queues.train.depths(),
      this.#queues.webhooks.depths(),
      readRedisMemory(this.#redis),
    ]);
    const sum = (name: string): number => Number(sums[name] ?? 0);
    return {
      epochs: sum('epochs'),
      samples: sum('samples'),
      seconds: sum('seconds'),
      ended: Object.fromEntries(finalStatuses.map((status) => [status, sum(status)])) as Record<FinalStatus, number>,
      jobs: { queued, running: workers.reduce((count, { jobs }) => count + jobs.length, 0), stopping },
      queues: { train, webhooks },
      workers,
      redisMemory: memory === null ? null : { ...memory, hasRoom: !isNearlyFull(memory) },
    };
  }
}
