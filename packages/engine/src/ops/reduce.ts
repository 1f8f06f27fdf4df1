// Sums, means, variances and maxima over some or all dimensions.
import { checkOptions } from '../argumentChecks.ts';
import { record } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, normalizeDim, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { div, square, sub } from './elementwise.ts';
import { maxima } from './pool2d.ts';

/** The dimensions to reduce. Negative numbers count from the end. undefined and an empty list mean all dimensions. */
export type Dims = number | readonly number[];

/** Returns the shape with the reduced dimensions set to 1, and the shape without them. */
function reducedShapes(shape: Shape, dim: Dims | undefined): { kept: Shape; dropped: Shape } {
  const list = dim === undefined ? [] : typeof dim === 'number' ? [dim] : dim;
  const reduced = new Set(list.map((d) => normalizeDim(d, shape.length)));
  if (reduced.size < list.length) throw new ArgumentError(`dimensions [${list.join(', ')}] name one of ${shape.length} dimensions twice`);
  const isReduced = (d: number): boolean => reduced.size === 0 || reduced.has(d);
  return { kept: shape.map((length, d) => (isReduced(d) ? 1 : length)), dropped: shape.filter((_, d) => !isReduced(d)) };
}

/** Returns the sum over `dim`, or over all dimensions. With `keepdim`, each reduced dimension keeps the length 1. */
export function sum(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const { kept, dropped } = reducedShapes(x.shape, dim);
  return record({
    name: dim === undefined ? 'Sum' : 'SumBackward1',
    forward: () => {
      const y = backend().allocate(sizeOf(kept));
      backend().sumTo(x.values, x.shape, y, kept);
      return y;
    },
    shape: keepdim ? kept : dropped,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      backend().broadcastTo(g, kept, dx, x.shape);
      grads[0] = dx;
      return grads;
    },
  });
}

/**
 * Returns the mean over `dim`, or over all dimensions. The mean of no elements is NaN. With `keepdim`, each reduced dimension keeps the
 * length 1.
 */
export function mean(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const { kept, dropped } = reducedShapes(x.shape, dim);
  const size = sizeOf(kept);
  const count = x.size / size;
  return record({
    name: dim === undefined ? 'Mean' : 'MeanBackward1',
    forward: () => {
      const y = backend().allocate(size);
      backend().sumTo(x.values, x.shape, y, kept);
      backend().binaryScalar('div', y, count, y);
      return y;
    },
    shape: keepdim ? kept : dropped,
    inputs: [x],
    backward: (g, _needed, grads) => {
      const share = backend().allocate(g.length);
      backend().binaryScalar('div', g, count, share);
      const dx = backend().allocate(x.size);
      backend().broadcastTo(share, kept, dx, x.shape);
      grads[0] = dx;
      return grads;
    },
  });
}

export interface VarianceOptions {
  /** Whether to divide by n − 1 instead of n, the number of elements (Bessel's correction). Default: true. */
  readonly unbiased?: boolean;
  /** Whether reduced dimensions keep the length 1. Default: false. */
  readonly keepdim?: boolean;
}

/** Returns the variance over `dim`, or over all dimensions (torch.var). The unbiased variance of a single element is NaN. */
export function variance(x: Tensor, dim?: Dims, options: VarianceOptions = {}): Tensor {
  checkOptions('variance', options, ['unbiased', 'keepdim']);
  const { unbiased = true, keepdim = false } = options;
  const { kept } = reducedShapes(x.shape, dim);
  const count = x.size / sizeOf(kept);
  return div(sum(square(sub(x, mean(x, dim, true))), dim, keepdim), unbiased ? count - 1 : count);
}

/**
 * Returns the largest elements along a dimension and their indices in it (torch.max). Of equal elements the first one is taken; a NaN
 * counts as the largest.
 * @throws ShapeError if the dimension has no elements
 */
export function max(x: Tensor, dim: number, keepdim = false): { readonly values: Tensor; readonly indices: Tensor } {
  const axis = normalizeDim(dim, x.rank);
  const size = x.shape[axis] ?? 1;
  if (size === 0) throw new ShapeError(`max: dimension ${dim} of a tensor ${formatShape(x.shape)} has no elements`);
  const [planes, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
  // One column of a plane is one pooling window.
  const kernel = { kernelHeight: size, kernelWidth: 1, strideHeight: size, strideWidth: 1, padTop: 0, padLeft: 0 };
  const output = { dilationHeight: 1, dilationWidth: 1, outHeight: 1, outWidth: inner };
  const geometry = { planes, height: size, width: inner, ...kernel, ...output };
  const shape = x.rank === 0 ? [] : keepdim ? x.shape.with(axis, 1) : x.shape.toSpliced(axis, 1);
  const { values, positions } = maxima('Max', x, geometry, shape);
  const found = positions();
  const places = backend().allocateIndices(planes * inner);
  for (let i = 0; i < places.length; i++) places[i] = Math.floor(found[i] / inner);
  return { values, indices: new Tensor(places, shape) };
}
