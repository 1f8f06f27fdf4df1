// The filters of a convolution as one picture: each of its planes a tile of grey, a row for each filter; or, where a filter has three
// planes, as those of an image, one tile of colour, in rows. Black to white is −m to m, m the layer's largest weight.
import type { Pixels } from '@trainyard/engine/data';

/** Pixels of a sheet's longer side, where the weights leave it the choice. */
const usualSide = 1024;
/** The largest that a weight is drawn. */
const largestScale = 16;
const gap = 1;
const background = 255;

/** @param shape [filters, planes, height, width] */
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

/** −1 is black, 1 white; what is no number is in the middle. */
function greyOf(value: number): number {
  return Number.isNaN(value) ? 128 : Math.round(127.5 + 127.5 * Math.min(1, Math.max(-1, value)));
}
