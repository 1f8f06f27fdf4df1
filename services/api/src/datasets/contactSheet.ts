// Draws samples that are images side by side in one picture.
import { type Dataset, encodePng } from '@trainyard/engine/data';

/** The gap between two images, and around them, in pixels. */
const GAP = 2;
/** The grey value of the background. */
const GROUND = 48;

/** Returns whether samples of this shape are images: [1 or 3, height, width]. */
export const isImage = (shape: readonly number[]): boolean => shape.length === 3 && (shape[0] === 1 || shape[0] === 3);

/** Returns a PNG with about as many rows of images as columns. Float values are scaled: the smallest becomes 0, the largest 255. */
export function contactSheet({ length, inputShape, inputs }: Dataset): Uint8Array {
  const [planes, height, width] = inputShape;
  const columns = Math.ceil(Math.sqrt(length));
  const sheetWidth = columns * (width + GAP) + GAP;
  const sheetHeight = Math.ceil(length / columns) * (height + GAP) + GAP;
  const channels = planes === 1 ? 1 : 3;
  const data = new Uint8Array(sheetWidth * sheetHeight * channels).fill(GROUND);
  const grey = greyOf(inputs);
  for (let sample = 0; sample < length; sample++) {
    const left = GAP + (sample % columns) * (width + GAP);
    const top = GAP + Math.floor(sample / columns) * (height + GAP);
    for (let i = 0; i < channels * height * width; i++) {
      const [plane, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      data[((top + row) * sheetWidth + left + column) * channels + plane] = grey(sample * channels * height * width + i);
    }
  }
  return encodePng({ width: sheetWidth, height: sheetHeight, channels, data });
}

function greyOf(values: Uint8Array | Float32Array): (index: number) => number {
  if (values instanceof Uint8Array) return (index) => values[index];
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const greatest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const scale = greatest > least ? 255 / (greatest - least) : 0;
  return (index) => Math.round((values[index] - least) * scale);
}
