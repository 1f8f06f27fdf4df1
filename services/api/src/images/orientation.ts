// Turns an image upright by the orientation in its EXIF data (EXIF 2.32, tag 274).
import type { ImageSize, Pixels } from '@trainyard/engine/data';

/** Returns whether an orientation exchanges width and height. */
const isOnItsSide = (orientation: number): boolean => orientation >= 5 && orientation <= 8;

/** Returns the size of an image after it is turned upright. */
export function uprightSize({ width, height }: ImageSize, orientation: number): ImageSize {
  return isOnItsSide(orientation) ? { width: height, height: width } : { width, height };
}

/**
 * For each orientation: whether rows of the result are columns of the stored image, and whether the result's x and y go against the
 * direction of the stored axes.
 */
const turns: Readonly<Record<number, readonly [isSwapped: boolean, isXReversed: boolean, isYReversed: boolean]>> = {
  2: [false, true, false],
  3: [false, true, true],
  4: [false, false, true],
  5: [true, false, false],
  6: [true, true, false],
  7: [true, true, true],
  8: [true, false, true],
};

/** Returns the upright image. @param orientation from 1 to 8; an image with another number stays as it is */
export function upright<T extends Pixels>(image: T, orientation: number): T {
  const turn = turns[orientation];
  if (turn === undefined) return image;
  const [isSwapped, isXReversed, isYReversed] = turn;
  const { width: storedWidth, channels, data } = image;
  const { width, height } = uprightSize(image, orientation);
  // The distances in the stored image of two neighbours in a row and in a column of the result.
  const [across, down] = isSwapped ? [storedWidth, 1] : [1, storedWidth];
  const [stepX, stepY] = [isXReversed ? -across : across, isYReversed ? -down : down];
  const first = (isXReversed ? (width - 1) * across : 0) + (isYReversed ? (height - 1) * down : 0);
  const turned = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (first + x * stepX + y * stepY) * channels;
      for (let channel = 0; channel < channels; channel++) turned[to++] = data[from + channel];
    }
  }
  return { ...image, width, height, data: turned };
}
