// The workers and their current jobs. A worker announces itself every few seconds. A worker that stops announcing itself is removed from
// the list. The list is only for display: the lease of a job decides whether the job has a worker. A container's health check loads only
// this file and its imports.
import type { Worker } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** The announcement of a worker. */
export interface PresentWorker extends Omit<Worker, 'lastSeenAt'> {
  /** Whether no job of the worker waits for the storage. Omitted by workers of earlier versions. */
  readonly isStorageUp?: boolean;
}

type SeenWorker = PresentWorker & Pick<Worker, 'lastSeenAt'>;

/** A worker counts as gone this long after its last announcement, in ms. */
const presenceMs = 10_000;

export { closeRedis, connectRedis } from './redis/connection.ts';
export { servicePrefix } from './redis/keys.ts';

export class WorkerPresence {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** Announces a worker. Repeat it every few seconds. */
  async announce(worker: PresentWorker): Promise<void> {
    const seen: SeenWorker = { ...worker, lastSeenAt: new Date().toISOString() };
    await this.#redis
      .multi()
      .set(this.#keys.worker(worker.name), JSON.stringify(seen), 'PX', presenceMs)
      .sadd(this.#keys.workers, worker.name)
      .exec();
  }

  /** Removes a worker from the list. */
  async withdraw(name: string): Promise<void> {
    await this.#redis.multi().del(this.#keys.worker(name)).srem(this.#keys.workers, name).exec();
  }

  /** Returns the workers that are not gone, by name. */
  async list(): Promise<SeenWorker[]> {
    const names = (await this.#redis.smembers(this.#keys.workers)).toSorted();
    if (names.length === 0) return [];
    const said = await this.#redis.mget(names.map((name) => this.#keys.worker(name)));
    const gone = names.filter((_, index) => said[index] === null);
    if (gone.length > 0) await this.#redis.srem(this.#keys.workers, ...gone);
    return said.filter((text) => typeof text === 'string').map((text) => JSON.parse(text) as SeenWorker);
  }
}
