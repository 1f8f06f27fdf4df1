// Waiting for a condition that nothing announces: looked at again and again, for a bounded time.
import { setTimeout as pause } from 'node:timers/promises';

/** Fulfilled once `condition` holds. @throws Error when it does not within `boundMs` */
export async function until(condition: () => boolean | Promise<boolean>, boundMs = 10_000): Promise<void> {
  const end = Date.now() + boundMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`the condition did not come true within ${boundMs} ms: ${condition.toString()}`);
    await pause(5);
  }
}
