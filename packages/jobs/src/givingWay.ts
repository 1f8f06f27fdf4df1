// Long work in pieces, so that other requests are handled in between.
import { setImmediate } from 'node:timers/promises';

/** How long work may run before others have a turn, in ms. */
const longestMs = 10;

/** @returns a function to call between two pieces of work: it lets others have a turn when the work has run for 10 ms. */
export function givingWay(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < longestMs) return;
    await setImmediate();
    since = performance.now();
  };
}
