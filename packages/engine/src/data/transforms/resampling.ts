// Scales a part of an image to another size: bilinear with antialiasing, as torch.nn.functional.interpolate(mode="bilinear",
// antialias=True). Each axis is scaled separately: first the columns, then the rows. A triangle of weights is as wide as the scale if the
// image becomes smaller.
import type { OnnxNodes } from '../../onnx.ts';

/** How one axis is scaled. Value i of the result is the sum of `taps` values from `first[i]` on, times the weights from i · taps on. */
interface Resampling {
  readonly taps: number;
  readonly first: Int32Array;
  readonly weights: Float32Array;
}

/** Returns how an axis of `from` values becomes one of `to` values. */
function resampling(from: number, to: number): Resampling {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const taps = Math.min(from, Math.ceil(reach) * 2 + 1);
  const first = new Int32Array(to);
  const weights = new Float32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = scale * (i + 0.5);
    const begin = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), from);
    // The taps of the last values begin earlier, so that all of them are inside the axis.
    first[i] = Math.min(begin, from - taps);
    const offset = i * taps - first[i];
    let sum = 0;
    for (let j = begin; j < end; j++) sum += triangle((j - centre + 0.5) / reach);
    for (let j = begin; j < end; j++) weights[offset + j] = triangle((j - centre + 0.5) / reach) / sum;
  }
  return { taps, first, weights };
}

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** A part of an image: its first row and column, and its size. */
export interface Part {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Scales parts of images of one size to one other size. */
export class Scaler {
  readonly #channels: number;
  readonly #height: number;
  readonly #width: number;
  readonly #toHeight: number;
  readonly #toWidth: number;
  /** The columns of one channel's part, scaled. */
  readonly #scaled: Float32Array;
  /** The last two resamplings, which are used again for a part of the same size. */
  #rows: { readonly from: number; readonly how: Resampling } | null = null;
  #columns: { readonly from: number; readonly how: Resampling } | null = null;

  constructor([channels, height, width]: readonly [number, number, number], [toHeight, toWidth]: readonly [number, number]) {
    this.#channels = channels;
    this.#height = height;
    this.#width = width;
    this.#toHeight = toHeight;
    this.#toWidth = toWidth;
    this.#scaled = new Float32Array(height * toWidth);
  }

  /** Writes the scaled part of the image in `from` to `out`. */
  scale(part: Part, from: Float32Array, fromAt: number, out: Float32Array, outAt: number): void {
    if (this.#columns?.from !== part.width) this.#columns = { from: part.width, how: resampling(part.width, this.#toWidth) };
    if (this.#rows?.from !== part.height) this.#rows = { from: part.height, how: resampling(part.height, this.#toHeight) };
    for (let channel = 0; channel < this.#channels; channel++) {
      const begin = fromAt + (channel * this.#height + part.top) * this.#width + part.left;
      scaleColumns(this.#columns.how, from, begin, this.#width, part.height, this.#scaled, this.#toWidth);
      scaleRows(this.#rows.how, this.#scaled, this.#toWidth, out, outAt + channel * this.#toHeight * this.#toWidth, this.#toHeight);
    }
  }
}

function scaleColumns(
  { taps, first, weights }: Resampling,
  from: Float32Array,
  begin: number,
  stride: number,
  rows: number,
  out: Float32Array,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    const line = begin + row * stride;
    const outLine = row * columns;
    for (let column = 0; column < columns; column++) {
      const at = line + first[column];
      const weight = column * taps;
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += from[at + tap] * weights[weight + tap];
      out[outLine + column] = sum;
    }
  }
}

function scaleRows(
  { taps, first, weights }: Resampling,
  from: Float32Array,
  columns: number,
  out: Float32Array,
  outAt: number,
  rows: number,
): void {
  for (let row = 0; row < rows; row++) {
    const begin = first[row] * columns;
    const outLine = outAt + row * columns;
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let tap = 0, at = begin + column; tap < taps; tap++, at += columns) sum += from[at] * weights[row * taps + tap];
      out[outLine + column] = sum;
    }
  }
}

/** Returns the matrix [to, from], row-major, that scales an axis: its product with the values of the axis are the scaled values. */
function resamplingMatrix(from: number, to: number): number[] {
  const { taps, first, weights } = resampling(from, to);
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) matrix.set(weights.subarray(i * taps, (i + 1) * taps), i * from + first[i]);
  return [...matrix];
}

/** Adds the scaling of a batch of images to an ONNX graph. @returns the name of the scaled images */
export function onnxResized(
  { input, node, constant }: OnnxNodes,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
): string {
  const columns = node('Transpose', [constant(resamplingMatrix(width, toWidth), [toWidth, width])], { perm: [1, 0] });
  return node('MatMul', [constant(resamplingMatrix(height, toHeight), [toHeight, height]), node('MatMul', [input, columns])]);
}

/** Returns the Python code that scales the tensor `images` to this size. */
export function pythonResized([height, width]: readonly [number, number], images = 'images'): string {
  return `nn.functional.interpolate(${images}, size=(${height}, ${width}), mode="bilinear", antialias=True)`;
}
