// The ranges of random parameters in the options of transforms, and values between their limits.
import { z } from 'zod';

/** The limits [least, most] of a random parameter. */
export type Range = readonly [least: number, most: number];

const rising = ([least, most]: Range): boolean => least <= most;

/** The schema of a range whose limits are from `min` to `max`. */
export function rangeSchema(min: number, max: number): z.ZodType<[number, number], [number, number]> {
  const limit = z.number().min(min).max(max);
  return z.tuple([limit, limit]).refine(rising, 'must be [least, most] with least <= most');
}

/** Returns the value that a draw from 0 to 1 stands for. */
export function between([least, most]: Range, draw: number): number {
  return least + draw * (most - least);
}

/** Returns Python's name for the same value. @param draw code of the drawn number */
export function pythonBetween([least, most]: Range, draw: string): string {
  return least === most ? String(least) : `(${least} + ${draw} * (${most} - ${least}))`;
}

/** Rounds to the nearest whole number, and a half to the nearest even number, as Python's `round` does. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}
