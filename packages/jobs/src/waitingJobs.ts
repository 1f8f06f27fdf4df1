// The jobs that wait for a worker, and the wake-ups for the workers. Which job is next is decided by the scripts (scripts/turns.ts); here
// is what wakes workers after a job was recorded, what finds the wake-ups that a crash has lost, and what tells the jobs' positions.
import type { Redis } from 'ioredis';
import { batched } from './batched.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { adoptWaitingJobs, countMissingWakeUps, interruptLostJobs, readPositions } from './scripts/reconcileQueue.ts';
import { runScript } from './scripts/script.ts';
import type { TrainQueue } from './trainQueue.ts';

/** Wake-ups that go to the queue in one round trip at most. */
const wakeUpsAtOnce = 100;

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
   * Wakes a worker for a job that was just recorded; many calls at once go together.
   * @param missing how many wake-ups the queue lacked then
   */
  async wakeOne(missing: number): Promise<void> {
    if (missing > 0) await this.#wakeTogether(missing);
  }

  /** Wakes so many workers. */
  async wake(count: number): Promise<void> {
    await this.#queue.wake(count);
  }

  /** Adds wake-ups for waiting jobs where some are missing. @returns how many */
  async wakeMissing(): Promise<number> {
    const [, missing] = await runScript(this.#redis, countMissingWakeUps, [], [this.#keys.tag]);
    await this.wake(Number(missing));
    return Number(missing);
  }

  /**
   * Finishes what crashes left behind; to be called every few seconds by every process, any number of them at once.
   * @returns how many wake-ups were missing
   */
  async reconcile(): Promise<number> {
    await this.#adoptWaiting();
    return await this.wakeMissing();
  }

  /** Lets the running jobs whose lease has run out be taken over, and wakes workers for them. @returns their ids */
  async interruptLost(): Promise<readonly string[]> {
    const lost: string[] = [];
    let after = '';
    do {
      const running = this.#keys.list(undefined, 'running');
      const [, next, ...ids] = await runScript(this.#redis, interruptLostJobs, [running, this.#keys.interrupted], [this.#keys.tag, after]);
      lost.push(...ids.map(String));
      after = String(next);
    } while (after !== '');
    if (lost.length > 0) await this.wakeMissing();
    return lost;
  }

  /** How many jobs start before each of these by the turns of the keys, plus 1; a job that does not wait has no entry. */
  async positions(jobIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (jobIds.length === 0) return new Map();
    const [, ...positions] = await runScript(this.#redis, readPositions, [], [this.#keys.tag, ...jobIds]);
    return new Map(jobIds.flatMap((id, at) => (positions[at] === 0 ? [] : [[id, Number(positions[at])]])));
  }

  async #adoptWaiting(): Promise<void> {
    if ((await this.#redis.exists(this.#keys.formerWaiting)) === 0) return;
    for (let left = 1; left > 0; ) {
      const reply = await runScript(this.#redis, adoptWaitingJobs, [this.#keys.formerWaiting], [this.#keys.tag]);
      left = Number(reply[1]);
    }
  }
}
