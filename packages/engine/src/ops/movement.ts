// Operations that change the shape or the order of a tensor's elements. Storage is always dense and row-major. So `reshape` returns a
// tensor that shares its storage with x, and operations that change the order make a copy.
import { record } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, normalizeDim, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

function view(x: Tensor, shape: Shape): Tensor {
  return record({
    name: 'View',
    forward: () => x.storage,
    shape,
    inputs: [x],
    base: x,
    backward: (g, _needed, grads) => {
      grads[0] = g;
      return grads;
    },
  });
}

/**
 * Returns a tensor that shares its storage with x and has another shape. One size may be -1; it is computed from the other sizes.
 * @throws ShapeError if the shape does not have the same number of elements as x
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  const known = sizeOf(shape.filter((_, dim) => dim !== free));
  const complete = free === -1 ? shape : shape.with(free, known === 0 ? 0 : x.size / known);
  if (sizeOf(complete) !== x.size || !complete.every((length) => Number.isInteger(length) && length >= 0)) {
    throw new ShapeError(`a tensor of shape ${formatShape(x.shape)} (${x.size} elements) cannot be reshaped to ${formatShape(shape)}`);
  }
  return view(x, complete);
}

/** Joins the dimensions startDim to endDim, both included, into one. A scalar becomes [1]. Default: all dimensions. */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  const start = normalizeDim(startDim, x.rank);
  const end = normalizeDim(endDim, x.rank);
  if (start > end) throw new ArgumentError(`flatten: startDim ${startDim} comes after endDim ${endDim}`);
  return view(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start, end + 1)), ...x.shape.slice(end + 1)]);
}

function reorder(name: string, x: Tensor, axes: readonly number[]): Tensor {
  const shape = axes.map((axis) => x.shape[axis]);
  return record({
    name,
    forward: () => {
      const y = backend().allocate(x.size);
      backend().permute(x.values, x.shape, axes, y);
      return y;
    },
    shape,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      const inverse = axes.map((_, dim) => axes.indexOf(dim));
      backend().permute(g, shape, inverse, dx);
      grads[0] = dx;
      return grads;
    },
  });
}

/**
 * Returns a copy with the dimensions in the order of `dims`: result.shape[i] = x.shape[dims[i]].
 * @throws ArgumentError if `dims` does not contain each dimension exactly once
 */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const axes = dims.map((dim) => normalizeDim(dim, x.rank));
  if (axes.length !== x.rank || new Set(axes).size !== x.rank) {
    throw new ArgumentError(`permute needs each of the ${x.rank} dimensions once, got [${dims.join(', ')}]`);
  }
  return reorder('Permute', x, axes);
}

/** Returns a copy with two dimensions exchanged. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const [a, b] = [normalizeDim(dim0, x.rank), normalizeDim(dim1, x.rank)];
  const axes = x.shape.map((_, dim) => (dim === a ? b : dim === b ? a : dim));
  return reorder('Transpose', x, axes);
}

/** Returns a copy of the transposed matrix. A vector or a scalar is not changed. @throws ShapeError if x has more than two dimensions */
export function t(x: Tensor): Tensor {
  if (x.rank > 2) throw new ShapeError(`t() needs at most two dimensions, got ${formatShape(x.shape)}: use transpose(dim0, dim1)`);
  return reorder('T', x, x.rank === 2 ? [1, 0] : x.shape.map((_, dim) => dim));
}

/**
 * Returns a copy that repeats dimensions of length 1 and adds new dimensions in front. A size of -1 keeps the length.
 * @throws ShapeError if a length other than 1 would change
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  const added = shape.length - x.rank;
  const target = shape.map((length, dim) => (length === -1 && dim >= added ? x.shape[dim - added] : length));
  const fits = added >= 0 && target.every((length, dim) => length >= 0 && (dim < added || [1, length].includes(x.shape[dim - added])));
  if (!fits) throw new ShapeError(`a tensor of shape ${formatShape(x.shape)} cannot be expanded to ${formatShape(shape)}`);
  return record({
    name: 'Expand',
    forward: () => {
      const y = backend().allocate(sizeOf(target));
      backend().broadcastTo(x.values, x.shape, y, target);
      return y;
    },
    shape: target,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      backend().sumTo(g, target, dx, x.shape);
      grads[0] = dx;
      return grads;
    },
  });
}

/** Returns a copy with its own storage. */
export function clone(x: Tensor): Tensor {
  return record({
    name: 'Clone',
    forward: () => {
      const y = backend().allocate(x.size);
      backend().copy(x.values, y);
      return y;
    },
    shape: x.shape,
    inputs: [x],
    backward: (g) => [g],
  });
}
