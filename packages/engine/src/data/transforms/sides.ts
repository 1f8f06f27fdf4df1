// The sizes of images in the options of transforms.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';

/** The most pixels of a side of a scaled image. A longer side would need too much memory. */
const MOST_SCALED = 8192;

/** The schema of a height or width in pixels. */
export const imageSide = z.int().min(1).max(4096);

/** The schema of a size: one number for height and width, or [height, width]. */
export const imageSides = z.union([imageSide, z.tuple([imageSide, imageSide])]);

/** Returns [height, width]. */
export const pairOf = (size: number | readonly [number, number]): readonly [height: number, width: number] =>
  typeof size === 'number' ? [size, size] : size;

/** @throws ShapeError if an image would be scaled to a side that is too long */
export function checkSides([height, width]: readonly [number, number]): void {
  if (Math.max(height, width) <= MOST_SCALED) return;
  throw new ShapeError(
    `the scaled image would be ${height}×${width}, but a side has at most ${MOST_SCALED} pixels: use a smaller size`,
    'size',
  );
}
