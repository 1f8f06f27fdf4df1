// Calls that wait for Redis. A worker's connection resends by itself what was on its way when the line broke; what comes back as an
// error all the same (a server that is loading, a replica, no memory, no permission) is tried again here.
import { setTimeout as delay } from 'node:timers/promises';
import { isRedisUnavailable, type RedisHealth } from '@trainyard/jobs';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * The call's result, as soon as Redis gives one. The call must be one that may be repeated.
 * @param health is told of each error, and logs what is worth a line
 * @throws whatever does not mean that Redis cannot serve, and the reason of a signal that aborts the waiting.
 */
export async function patiently<T>(call: () => Promise<T>, health: Pick<RedisHealth, 'report'>, signal: AbortSignal): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await call();
    } catch (error) {
      health.report(error);
      if (!isRedisUnavailable(error)) throw error;
      await delay(pause, undefined, { signal });
    }
  }
}
