// Waits for a condition by checking it again and again.
import { setTimeout as pause } from 'node:timers/promises';
import { waitLimitMs } from './hangLimits.ts';

/**
 * Resolves when `condition` is true.
 * @param what describes the condition in the error; if omitted, its source does
 * @throws Error if the condition is still false after `waitLimitMs`
 */
export async function until(condition: () => boolean | Promise<boolean>, what = condition.toString()): Promise<void> {
  const deadline = performance.now() + waitLimitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${waitLimitMs / 1_000} s in vain for: ${what}`);
    await pause(5);
  }
}
