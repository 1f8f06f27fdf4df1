// Which workers there are, and what each has in hand. A worker says so every few seconds; one that has not been heard of
// for a while is gone. Nothing about jobs is decided by it: whose a job is says its record.
import type { Worker } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from './redis/keys.ts';

/** What a worker says of itself. */
export interface PresentWorker extends Omit<Worker, 'lastSeenAt'> {
  /** Whether no job of it waits for the storage. Workers of earlier versions do not say. */
  readonly isStorageUp?: boolean;
}

type SeenWorker = PresentWorker & Pick<Worker, 'lastSeenAt'>;

/** A worker that was silent for this long counts as gone. */
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

  /** To be repeated every few seconds. */
  async announce(worker: PresentWorker): Promise<void> {
    const seen: SeenWorker = { ...worker, lastSeenAt: new Date().toISOString() };
    await this.#redis
      .multi()
      .set(this.#keys.worker(worker.name), JSON.stringify(seen), 'PX', presenceMs)
      .sadd(this.#keys.workers, worker.name)
      .exec();
  }

  async withdraw(name: string): Promise<void> {
    await this.#redis.multi().del(this.#keys.worker(name)).srem(this.#keys.workers, name).exec();
  }

  /** Those heard of lately, by name. */
  async list(): Promise<SeenWorker[]> {
    const names = (await this.#redis.smembers(this.#keys.workers)).toSorted();
    if (names.length === 0) return [];
    const said = await this.#redis.mget(names.map((name) => this.#keys.worker(name)));
    const gone = names.filter((_, index) => said[index] === null);
    if (gone.length > 0) await this.#redis.srem(this.#keys.workers, ...gone);
    return said.filter((text) => typeof text === 'string').map((text) => JSON.parse(text) as SeenWorker);
  }
}
