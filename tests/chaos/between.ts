import type { Generator } from '@trainyard/engine';

/** Draws a random integer from `low` to `high` − 1. */
export function between(random: Generator, low: number, high: number): number {
  return low + Math.floor((random.random() / 2 ** 32) * (high - low));
}
