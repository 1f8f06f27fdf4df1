// What the service as a whole has done and has to do: sums that the scripts keep in Redis, so that each thing counts once, whichever
// process did it and however often it was started anew. For those who watch over it; nothing is decided by it.
import { finalStatuses, type FinalStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { isNearlyFull, readRedisMemory, type RedisMemory } from './redis/redisMemory.ts';
import type { TrainQueue } from './trainQueue.ts';
import type { WebhookStore } from './webhooks/webhookStore.ts';
import { type PresentWorker, WorkerPresence } from './workerPresence.ts';

export interface Totals {
  /** Epochs, samples and seconds trained since this Redis was set up. */
  readonly epochs: number;
  readonly samples: number;
  readonly seconds: number;
  /** Jobs that ended, by how; since then too. */
  readonly ended: Readonly<Record<FinalStatus, number>>;
  /** Jobs now. `leaving`: about to be cancelled or paused. */
  readonly jobs: { readonly queued: number; readonly running: number; readonly leaving: number };
  /** Entries of the queues, by their name and BullMQ's state. */
  readonly queues: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly workers: readonly PresentWorker[];
  /** Null if Redis does not show it. `hasRoom`: it is not nearly full. */
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
    const { totals, leaving } = this.#keys;
    const [sums, queued, stopping, workers, train, webhooks, memory] = await Promise.all([
      this.#redis.hgetall(totals),
      this.#redis.zcard(this.#keys.list(undefined, 'queued')),
      this.#redis.zcard(leaving),
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
      jobs: { queued, running: workers.reduce((count, { jobs }) => count + jobs.length, 0), leaving: stopping },
      queues: { train, webhooks },
      workers,
      redisMemory: memory === null ? null : { ...memory, hasRoom: !isNearlyFull(memory) },
    };
  }
}
