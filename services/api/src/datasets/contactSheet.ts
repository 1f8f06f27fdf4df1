// Samples that are images, side by side in one image.
import { type Dataset, encodePng } from '@trainyard/engine/data';

/** Between two images and around them, in pixels. */
const GAP = 2;
/** Of what is no image. */
const GROUND = 48;

/** Whether a sample is an image: [1 or 3, height, width]. */
export const isImage = (shape: readonly number[]): boolean => shape.length === 3 && (shape[0] === 1 || shape[0] === 3);

/** A PNG with the images in rows, about as wide as high. Values that are no bytes are stretched between the least and the greatest. */
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
