// Comparison of long arrays of numbers, bit for bit. It is much faster than toEqual, and its message names the first difference.
import { expect } from 'vitest';

/** Expects the same numbers. A NaN equals a NaN, and 0 differs from -0. */
export function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  if (actual.length !== expected.length) expect.fail(`${what} has ${actual.length} elements, expected ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (!Object.is(actual[i], expected[i]))
      expect.fail(`${what}: element ${i} of ${expected.length} is ${actual[i]}, expected ${expected[i]}`);
  }
}
