// Waiting for a condition that nothing announces: it is checked again and again until it holds.
import { setTimeout as pause } from 'node:timers/promises';
import { waitLimitMs } from './hangLimits.ts';

/**
 * Resolves once `condition` holds.
 * @param what describes the condition in the error; if omitted, its source does
 * @throws Error if it does not hold within the limit for hangs
 */
export async function until(condition: () => boolean | Promise<boolean>, what = condition.toString()): Promise<void> {
  const deadline = performance.now() + waitLimitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${waitLimitMs / 1_000} s in vain for: ${what}`);
    await pause(5);
  }
}
