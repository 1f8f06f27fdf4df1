// For requests that wait while Redis is away instead of failing: those of an EventSource, which an error stops for ever.
import { setTimeout as sleep } from 'node:timers/promises';
import { isRedisUnavailable } from '@trainyard/jobs';

/** Pause between two attempts, in ms. */
const pauseMs = 250;

/** Acts until Redis answers, for `patienceMs` at most. @throws the last error, and any other one at once */
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
