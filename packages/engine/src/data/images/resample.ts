// Scales images with Lanczos's filter of three lobes. The arithmetic is that of Pillow (src/libImaging/Resample.c): coefficients with 22
// fractional bits, columns before rows, and bytes between the two. When an image is made smaller, the filter is widened, so that every
// pixel counts.
import type { ImageSize, Pixels } from './image.ts';

/** The filter is 0 from this distance on, in pixels of the smaller image. */
const LOBES = 3;
/** The number of fractional bits of coefficients. A byte times a coefficient, and the overshoot of the filter, need the other 10. */
const FRACTION_BITS = 22;
const ROUNDING = 2 ** (FRACTION_BITS - 1);

/** A part of a scaled image. */
export interface ImageWindow extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/**
 * Scales an image and returns a part of the result. Only this part is computed.
 * @param scaled the size to which the whole image is scaled
 */
export function resampled(image: Pixels, scaled: ImageSize, { left, top, width, height }: ImageWindow): Pixels {
  const columns = weightsOf(image.width, scaled.width, left, width);
  const rows = weightsOf(image.height, scaled.height, top, height);
  const first = rows.starts[0];
  const last = Math.max(...rows.starts.map((start, i) => start + rows.counts[i]));
  const { channels } = image;
  const line = image.width * channels;
  const needed = image.data.subarray(first * line, last * line);
  const narrow = isWhole(image.width, scaled.width, width) ? needed : acrossRows(needed, image.width, channels, columns);
  const data = isWhole(image.height, scaled.height, height) ? narrow : downColumns(narrow, width * channels, rows, first);
  return { width, height, channels, data };
}

const isWhole = (length: number, scaled: number, part: number): boolean => length === scaled && part === scaled;

/** The weighted sums along one axis: pixel i of the result is the sum of `counts[i]` pixels from `starts[i]` on. */
interface Weights {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** The coefficients of pixel i begin at `i * stride`. */
  readonly coefficients: Int32Array;
  readonly stride: number;
}

/** @param length the pixels of the image along the axis. @param scaled those of the result, of which `size` from `from` on are computed */
function weightsOf(length: number, scaled: number, from: number, size: number): Weights {
  const scale = length / scaled;
  const widening = Math.max(1, scale);
  const support = LOBES * widening;
  const stride = Math.ceil(support) * 2 + 1;
  const weights = {
    starts: new Int32Array(size),
    counts: new Int32Array(size),
    coefficients: new Int32Array(size * stride),
    stride,
  };
  const values = new Float64Array(stride);
  for (let i = 0; i < size; i++) {
    const centre = (from + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(length, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      values[k] = lanczos((start + k - centre + 0.5) / widening);
      sum += values[k];
    }
    weights.starts[i] = start;
    weights.counts[i] = count;
    for (let k = 0; k < count; k++) {
      const value = (values[k] / sum) * 2 ** FRACTION_BITS;
      weights.coefficients[i * stride + k] = Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
    }
  }
  return weights;
}

const lanczos = (x: number): number => (x >= -LOBES && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0);
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Scales each row of an image of `width` columns. */
function acrossRows(data: Uint8Array, width: number, channels: 1 | 3, { starts, counts, coefficients, stride }: Weights): Uint8Array {
  const height = data.length / (width * channels);
  const out = new Uint8ClampedArray(height * starts.length * channels);
  let at = 0;
  for (let row = 0; row < height; row++) {
    const line = row * width * channels;
    for (let i = 0; i < starts.length; i++) {
      const first = i * stride;
      let from = line + starts[i] * channels;
      let red = ROUNDING;
      let green = ROUNDING;
      let blue = ROUNDING;
      if (channels === 1) {
        for (let k = first; k < first + counts[i]; k++) red += Math.imul(coefficients[k], data[from++]);
        out[at++] = red >> FRACTION_BITS;
        continue;
      }
      for (let k = first; k < first + counts[i]; k++) {
        const coefficient = coefficients[k];
        red += Math.imul(coefficient, data[from]);
        green += Math.imul(coefficient, data[from + 1]);
        blue += Math.imul(coefficient, data[from + 2]);
        from += 3;
      }
      out[at++] = red >> FRACTION_BITS;
      out[at++] = green >> FRACTION_BITS;
      out[at++] = blue >> FRACTION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

/** Scales columns. @param line the bytes of a row. @param first the row of the whole image with which `data` begins */
function downColumns(data: Uint8Array, line: number, { starts, counts, coefficients, stride }: Weights, first: number): Uint8Array {
  const out = new Uint8ClampedArray(starts.length * line);
  const sums = new Int32Array(line);
  for (let row = 0; row < starts.length; row++) {
    sums.fill(ROUNDING);
    for (let k = 0; k < counts[row]; k++) {
      const coefficient = coefficients[row * stride + k];
      const from = (starts[row] + k - first) * line;
      for (let i = 0; i < line; i++) sums[i] += Math.imul(coefficient, data[from + i]);
    }
    for (let i = 0; i < line; i++) out[row * line + i] = sums[i] >> FRACTION_BITS;
  }
  return new Uint8Array(out.buffer);
}
