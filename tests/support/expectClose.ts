// Compares tensors within a tolerance. The error names the first different element.
import { formatShape, type Shape, type Tensor } from '@trainyard/engine';
import { expect } from 'vitest';

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Expects equal shapes, and each element within absolute + relative·|expected|. NaN equals NaN. */
export function expectClose(
  actual: Tensor | null,
  expected: { readonly shape: Shape; readonly data: ArrayLike<number> },
  { absolute, relative }: Tolerance,
  what: string,
): void {
  if (actual === null) throw new Error(`${what}: there is no tensor to compare`);
  expect(formatShape(actual.shape), `${what}: shape`).toBe(formatShape(expected.shape));
  const values = actual.storage;
  for (let i = 0; i < values.length; i++) {
    const wanted = expected.data[i];
    const isClose = Object.is(values[i], wanted) || Math.abs(values[i] - wanted) <= absolute + relative * Math.abs(wanted);
    if (!isClose) expect.fail(`${what}: element ${i} of ${formatShape(actual.shape)} is ${values[i]}, expected ${wanted}`);
  }
}
