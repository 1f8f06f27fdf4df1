// Linear maps along the height and the width of planes. Average pooling and resizing have this form. A map has one band for each output
// row and column: which neighbouring input rows or columns it sums, and with which weights. The gradient is the transposed map.
import { record } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import type { Bands } from '../backend/movementKernels.ts';
import { ShapeError } from '../errors.ts';
import { formatShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** How one output row (or column) is computed: as the weighted sum of the input rows (or columns) start, start + 1, …. */
export interface Band {
  readonly start: number;
  readonly weights: readonly number[];
}

/** One band for each row of the output, and one for each column. */
export type PlaneMap = readonly [rows: readonly Band[], columns: readonly Band[]];

/**
 * Maps the rows and columns of x's planes, which are its last two dimensions.
 * @param name the operation's name in the graph
 * @param map the bands; neither their starts nor their ends may decrease from one band to the next
 */
export function mapPlanes(name: string, x: Tensor, [rows, columns]: PlaneMap): Tensor {
  const leading = x.shape.slice(0, -2);
  const [height, width] = x.shape.slice(-2);
  const planes = sizeOf(leading);
  const shape = [...leading, rows.length, columns.length];
  const size = sizeOf(shape);
  const there = [new PackedBands(rows, height), new PackedBands(columns, width)] as const;
  let back: readonly [PackedBands, PackedBands] | null = null;
  return record({
    name,
    forward: () => {
      const y = backend().allocate(size);
      backend().resample2d(x.values, y, planes, there[0].load(), there[1].load());
      return y;
    },
    shape,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      back ??= [new PackedBands(transpose(rows, height), rows.length), new PackedBands(transpose(columns, width), columns.length)];
      backend().resample2d(g, dx, planes, back[0].load(), back[1].load());
      grads[0] = dx;
      return grads;
    },
  });
}

/** Returns the bands as a dense matrix [outputs, inputs] in row-major order. */
export function denseBands(bands: readonly Band[], inputs: number): number[] {
  const matrix = new Array<number>(bands.length * inputs).fill(0);
  bands.forEach(({ start, weights }, output) => {
    weights.forEach((weight, k) => {
      matrix[output * inputs + start + k] = weight;
    });
  });
  return matrix;
}

/** Bands in the arrays that kernels read. */
class PackedBands {
  readonly #starts: Int32Array;
  readonly #offsets: Int32Array;
  readonly #weights: Float64Array;
  readonly #loaded: { -readonly [Part in keyof Bands]: Bands[Part] };

  constructor(bands: readonly Band[], inputs: number) {
    this.#starts = Int32Array.from(bands, ({ start }) => start);
    this.#offsets = new Int32Array(bands.length + 1);
    bands.forEach(({ weights }, i) => {
      this.#offsets[i + 1] = this.#offsets[i] + weights.length;
    });
    this.#weights = Float64Array.from(bands.flatMap(({ weights }) => weights));
    this.#loaded = { inputs, outputs: bands.length, starts: this.#starts, offsets: this.#offsets, weights: this.#weights };
  }

  /** Copies the bands to the backend's memory. The copy is freed with the arena, so call this in each operation. */
  load(): Bands {
    const loaded = this.#loaded;
    loaded.starts = backend().allocateIndices(this.#starts.length);
    loaded.offsets = backend().allocateIndices(this.#offsets.length);
    loaded.weights = backend().allocate(this.#weights.length);
    loaded.starts.set(this.#starts);
    loaded.offsets.set(this.#offsets);
    loaded.weights.set(this.#weights);
    return loaded;
  }
}

/** Returns the bands of the transposed map. Each input belongs to neighbouring outputs only, because starts and ends do not decrease. */
function transpose(bands: readonly Band[], inputs: number): Band[] {
  const rows = Array.from({ length: inputs }, () => ({ start: 0, weights: new Array<number>() }));
  bands.forEach(({ start, weights }, output) => {
    weights.forEach((weight, k) => {
      const row = rows[start + k];
      if (row.weights.length === 0) row.start = output;
      row.weights.push(weight);
    });
  });
  return rows;
}

/** Returns [height, width] of [batch, channels, height, width] or [channels, height, width]. @throws ShapeError if x has another rank */
export function planeSize(operation: string, x: { readonly shape: readonly number[] }): readonly [number, number] {
  const { shape } = x;
  if (shape.length !== 3 && shape.length !== 4) {
    throw new ShapeError(
      `${operation} needs an input [batch, channels, height, width] or [channels, height, width], got ${formatShape(shape)}`,
    );
  }
  return [shape[shape.length - 2], shape[shape.length - 1]];
}
