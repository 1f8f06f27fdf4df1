// Retries calls while Redis is unavailable. After a lost connection the client library resends commands by itself. This file handles the
// errors that remain: Redis is loading its data, is a replica, has no free memory or refuses permission.
import { setTimeout as delay } from 'node:timers/promises';
import { isRedisUnavailable, type RedisHealth } from '@trainyard/jobs';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Repeats the call until Redis replies, and returns its result. The call must be safe to repeat.
 * @param health records each error and logs outages
 * @throws the error of the call, if its cause is not that Redis is unavailable
 * @throws the reason of `signal`, if it is aborted
 */
export async function retryRedis<T>(call: () => Promise<T>, health: Pick<RedisHealth, 'report'>, signal: AbortSignal): Promise<T> {
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
