// Checks the sizes of windows that slide over a height and a width (convolution, pooling), and computes the length of the output.
import { ArgumentError } from '../errors.ts';

/** A size for height and width: one number for both, or [height, width]. */
export type SizePair = number | readonly [number, number];

/** Returns [height, width] of a size. @throws ArgumentError if one of them is below `minimum` or not a whole number */
export function bothSizes(option: string, size: SizePair, minimum: number): readonly [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  if (!Number.isInteger(height) || !Number.isInteger(width) || height < minimum || width < minimum) {
    throw new ArgumentError(`${option} must be whole numbers of at least ${minimum}, got ${height}×${width}`);
  }
  return [height, width];
}

/**
 * Returns the number of positions of a window of `kernel` elements that slides over `length` (torch.nn.Conv2d, "Shape"). It may be below 1:
 * then no window fits. With `ceilMode`, a last partial window counts if it starts inside the input or the padding before it
 * (ATen/native/Pool.h).
 */
export function windowOutput(length: number, kernel: number, stride: number, padding: number, dilation: number, ceilMode = false): number {
  const steps = (length + 2 * padding - dilation * (kernel - 1) - 1) / stride;
  if (!ceilMode) return Math.floor(steps) + 1;
  const output = Math.ceil(steps) + 1;
  return (output - 1) * stride >= length + padding ? output - 1 : output;
}
