// Parts of tensors: slicing, joining, padding, and selecting rows by an index. All operations make copies.
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import type { RowLayout } from '../backend/movementKernels.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, normalizeDim, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/**
 * The values that padding adds: a constant; the input mirrored at its first or last element, which is not repeated; copies of the first or
 * last element; or the elements from the opposite side of the input.
 */
export const paddingModes = ['constant', 'reflect', 'replicate', 'circular'] as const;
export type PaddingMode = (typeof paddingModes)[number];

/** Returns the sizes of a shape seen as [outer, size, inner], where `size` is the dimension `dim`. */
function rowsAround(shape: Shape, dim: number): RowLayout {
  return { outer: sizeOf(shape.slice(0, dim)), size: shape[dim], inner: sizeOf(shape.slice(dim + 1)) };
}

/**
 * Copies elements along one dimension: element i of x becomes element i + `shift` of `out`, if `out` has such an element. The other
 * dimensions of the two arrays are equal.
 */
function copyOverlap(x: FloatArray, { outer, size, inner }: RowLayout, out: FloatArray, outSize: number, shift: number): void {
  const length = Math.min(size + Math.min(shift, 0), outSize - Math.max(shift, 0));
  if (length <= 0) return;
  const from = { start: Math.max(-shift, 0) * inner, step: size * inner };
  const to = { start: Math.max(shift, 0) * inner, step: outSize * inner };
  backend().copyRuns(x, from, out, to, outer, length * inner);
}

/**
 * Adds `before` elements at the start of a dimension and `after` elements at its end. Their value is `value`. Negative numbers remove
 * elements.
 */
function resize(name: string, x: Tensor, dim: number, before: number, after: number, value: number): Tensor {
  const layout = rowsAround(x.shape, dim);
  const size = layout.size + before + after;
  const shape = x.shape.with(dim, size);
  return record({
    name,
    forward: () => {
      const y = backend().allocate(sizeOf(shape));
      backend().fill(y, value);
      copyOverlap(x.values, layout, y, size, before);
      return y;
    },
    shape,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      backend().fill(dx, 0);
      copyOverlap(g, { ...layout, size }, dx, layout.size, -before);
      grads[0] = dx;
      return grads;
    },
  });
}

/**
 * Returns the elements start to start + length − 1 along a dimension. A negative start counts from the end.
 * @throws ArgumentError if some of these elements do not exist
 */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  const axis = normalizeDim(dim, x.rank);
  const first = start < 0 ? start + x.shape[axis] : start;
  if (!Number.isInteger(first) || !Number.isInteger(length) || first < 0 || length < 0 || first + length > x.shape[axis]) {
    throw new ArgumentError(
      `narrow: ${length} elements from ${start} on are not within dimension ${dim} of a tensor ${formatShape(x.shape)}`,
    );
  }
  return resize('Slice', x, axis, -first, first + length - x.shape[axis], 0);
}

/**
 * Joins tensors along a dimension.
 * @throws ShapeError if the tensors differ in another dimension
 * @throws ArgumentError if the list is empty
 */
export function cat(tensors: readonly Tensor[], dim = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ArgumentError('cat needs at least one tensor');
  const axis = normalizeDim(dim, first.rank);
  const total = tensors.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.with(axis, total);
  for (const tensor of tensors) {
    if (tensor.rank !== first.rank || !sameShape(tensor.shape.with(axis, total), shape)) {
      throw new ShapeError(
        `cat along dimension ${dim} needs tensors with equal sizes in all other dimensions, got ${formatShape(first.shape)} and ${formatShape(tensor.shape)}`,
      );
    }
  }
  const parts = tensors.map((tensor) => rowsAround(tensor.shape, axis));
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, { size }) => sum + size, 0));
  return record({
    name: 'Cat',
    forward: () => {
      const y = backend().allocate(sizeOf(shape));
      tensors.forEach((tensor, i) => copyOverlap(tensor.values, parts[i], y, total, starts[i]));
      return y;
    },
    shape,
    inputs: tensors,
    backward: (g, needed) =>
      tensors.map((tensor, i) => {
        if (!needed[i]) return null;
        const part = backend().allocate(tensor.size);
        copyOverlap(g, { ...parts[i], size: total }, part, parts[i].size, -starts[i]);
        return part;
      }),
  });
}

/**
 * Pads the last dimensions (torch.nn.functional.pad).
 * @param sizes the number of elements to add before and after the last dimension, then before and after the second-last, and so on. With
 * the mode 'constant', negative numbers remove elements.
 * @param value the value of the mode 'constant'; default 0
 * @throws ArgumentError if `sizes` does not have two whole numbers for each padded dimension, or if a number is outside the mode's range
 */
export function pad(x: Tensor, sizes: readonly number[], mode: PaddingMode = 'constant', value = 0): Tensor {
  if (sizes.length % 2 !== 0 || sizes.length > 2 * x.rank || !sizes.every(Number.isInteger)) {
    throw new ArgumentError(
      `pad takes two whole numbers for each dimension of ${formatShape(x.shape)} from the last, got [${sizes.join(', ')}]`,
    );
  }
  let padded = x;
  for (let i = 0; i < sizes.length; i += 2) {
    const [before, after] = [sizes[i], sizes[i + 1]];
    if (before === 0 && after === 0) continue;
    const dim = x.rank - 1 - i / 2;
    if (mode === 'constant') {
      if (x.shape[dim] + before + after < 0) {
        throw new ArgumentError(
          `pad: ${before} and ${after} remove more than all elements of dimension ${dim} of a tensor ${formatShape(x.shape)}`,
        );
      }
      padded = resize('ConstantPadNd', padded, dim, before, after, value);
    } else {
      padded = selectRows('Pad', padded, dim, placesOf(paddedPositions(mode, x.shape[dim], before, after)), x.shape[dim] + before + after);
    }
  }
  return padded;
}

/**
 * Returns, for each position of a padded dimension, the index of the input element.
 * @throws ArgumentError if `before` or `after` is negative or more than the mode allows
 */
export function paddedPositions(mode: Exclude<PaddingMode, 'constant'>, length: number, before: number, after: number): number[] {
  const most = mode === 'reflect' ? length - 1 : mode === 'circular' ? length : Infinity;
  if (before < 0 || after < 0 || Math.max(before, after) > most) {
    throw new ArgumentError(`pad: with mode '${mode}' a dimension of ${length} can be padded by 0 to ${most}, got ${before} and ${after}`);
  }
  const place = (i: number): number => {
    if (mode === 'replicate') return Math.min(Math.max(i, 0), length - 1);
    if (mode === 'circular') return (i + length) % length;
    return i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i;
  };
  return Array.from({ length: length + before + after }, (_, i) => place(i - before));
}

function placesOf(positions: readonly number[]): () => Int32Array {
  return () => {
    const places = backend().allocateIndices(positions.length);
    places.set(positions);
    return places;
  };
}

/**
 * Selects rows along a dimension.
 * @param positions returns the indices of the rows, all of which must exist in x
 * @param saved the tensor that contains the indices, if they come from a tensor
 */
function selectRows(
  name: string,
  x: Tensor,
  dim: number,
  positions: () => Int32Array,
  count: number,
  saved: readonly Tensor[] = [],
): Tensor {
  const layout = rowsAround(x.shape, dim);
  const shape = x.shape.with(dim, count);
  let places: Int32Array;
  return record({
    name,
    forward: () => {
      places = positions();
      const y = backend().allocate(sizeOf(shape));
      backend().selectRows(x.values, places, y, layout);
      return y;
    },
    saved,
    shape,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      backend().selectRowsBackward(g, places, dx, layout);
      grads[0] = dx;
      return grads;
    },
  });
}

/**
 * Returns the indices as integers.
 * @throws ArgumentError if the tensor has floats, or if an index is negative or not below `size`: a kernel would read outside of its array
 */
function integersOf(positions: Tensor, size: number): Int32Array {
  const { storage } = positions;
  if (!(storage instanceof Int32Array)) throw new ArgumentError('expected indices, got a floating-point tensor: make them with indices()');
  const outside = storage.find((index) => index < 0 || index >= size);
  if (outside !== undefined) throw new ArgumentError(`index ${outside} is outside of 0 to ${size - 1}`);
  return storage;
}

/** Selects the rows of a weight [count, …] by indices (torch.nn.functional.embedding). @returns [...indices.shape, …] */
export function embedding(positions: Tensor, weight: Tensor): Tensor {
  if (weight.rank === 0) throw new ShapeError('embedding needs a weight of at least one dimension, got a scalar');
  const rows = selectRows('Embedding', weight, 0, () => integersOf(positions, weight.shape[0]), positions.size, [positions]);
  return rows.reshape([...positions.shape, ...weight.shape.slice(1)]);
}
