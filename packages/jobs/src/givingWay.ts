// Long work in pieces, so that other requests are handled in between.
import { setTimeout } from 'node:timers/promises';

/** How long work may run before others have a turn, in ms. A request takes dozens of turns, and so waits for dozens of such pieces. */
const longestMs = 4;

/** The pause after that, as a share of the time worked. */
const pauseShare = 0.25;

/** @returns a function to call between two pieces of work: once the work has run for 4 ms, it pauses for a quarter of that time. */
export function givingWay(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    const worked = performance.now() - since;
    if (worked < longestMs) return;
    await setTimeout(Math.max(1, pauseShare * worked));
    since = performance.now();
  };
}
