// Draws the filters of a convolution as one picture. Each filter is a row with one grey tile for each of its planes. A filter with three
// planes is one tile in colour instead. With the largest absolute weight m of the layer, −m is black and m is white.
import type { Pixels } from '@trainyard/engine/data';

/** The size of the longer side of a picture, in pixels, if the number of weights allows it. */
const usualSide = 1024;
/** The largest side of the square that is drawn for a weight, in pixels. */
const largestScale = 16;
const gap = 1;
const background = 255;

/** Returns the picture of the filters. @param shape [filters, planes, height, width] */
export function filterSheet(weights: Float32Array, shape: readonly number[]): Pixels {
  const [filters = 1, planes = 1, height = 1, width = 1] = shape;
  const channels = planes === 3 ? 3 : 1;
  const tiles = channels === 3 ? filters : filters * planes;
  const columns = channels === 3 ? Math.ceil(Math.sqrt(filters)) : planes;
  const rows = Math.ceil(tiles / columns);
  const fits = Math.floor(usualSide / Math.max(columns * width, rows * height));
  const scale = Math.min(largestScale, Math.max(1, fits));
  const sheetWidth = columns * (width * scale + gap) + gap;
  const sheetHeight = rows * (height * scale + gap) + gap;
  const data = new Uint8Array(sheetWidth * sheetHeight * channels).fill(background);
  const most = weights.reduce((largest, weight) => (Number.isFinite(weight) ? Math.max(largest, Math.abs(weight)) : largest), 0) || 1;
  for (let tile = 0; tile < tiles; tile++) {
    const left = gap + (tile % columns) * (width * scale + gap);
    const top = gap + Math.floor(tile / columns) * (height * scale + gap);
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        for (let channel = 0; channel < channels; channel++) {
          const weight = weights[((tile * channels + channel) * height + Math.floor(y / scale)) * width + Math.floor(x / scale)] ?? 0;
          data[((top + y) * sheetWidth + left + x) * channels + channel] = greyOf(weight / most);
        }
      }
    }
  }
  return { width: sheetWidth, height: sheetHeight, channels, data };
}

/** Returns the grey value of a number from −1 (black) to 1 (white). NaN is middle grey. */
function greyOf(value: number): number {
  return Number.isNaN(value) ? 128 : Math.round(127.5 + 127.5 * Math.min(1, Math.max(-1, value)));
}
