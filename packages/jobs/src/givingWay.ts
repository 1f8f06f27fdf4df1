// Splits long work into pieces, so that other requests are handled in between.
import { setTimeout } from 'node:timers/promises';

/** How long work may run before it pauses, in ms. It is short because a request needs dozens of event-loop turns, and each may have to wait. */
const longestMs = 4;

/** The length of a pause, as a share of the time worked before it. */
const pauseShare = 0.25;

/** Returns a function to call between two pieces of work. It pauses for a quarter of the time worked once that is at least 4 ms. */
export function givingWay(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    const worked = performance.now() - since;
    if (worked < longestMs) return;
    await setTimeout(Math.max(1, pauseShare * worked));
    since = performance.now();
  };
}
