// Waits for Redis instead of failing. Requests of an EventSource need this, because an error status stops it for good.
import { setTimeout as sleep } from 'node:timers/promises';
import { isRedisUnavailable } from '@trainyard/jobs';

/** Pause between two attempts, in ms. */
const pauseMs = 250;

/**
 * Repeats `act` while Redis is unavailable.
 * @throws the last error of `act`, if Redis is still unavailable after `patienceMs`
 * @throws any other error of `act`, at once
 */
export async function patiently<T>(act: () => Promise<T>, patienceMs: number): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isRedisUnavailable(error) || performance.now() + pauseMs > end) throw error;
      await sleep(pauseMs);
    }
  }
}
