// Sums and means over some or all dimensions.
import { record } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import { normalizeDim, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Dimensions to reduce; counted from the end when negative. None and an empty list mean all of them. */
export type Dims = number | readonly number[];

/** A shape with the reduced dimensions at 1, and without them. */
function reducedShapes(shape: Shape, dim: Dims | undefined): { kept: Shape; dropped: Shape } {
  const list = dim === undefined ? [] : typeof dim === 'number' ? [dim] : dim;
  const reduced = new Set(list.map((d) => normalizeDim(d, shape.length)));
  if (reduced.size < list.length) throw new ArgumentError(`dimensions [${list.join(', ')}] name one of ${shape.length} dimensions twice`);
  const isReduced = (d: number): boolean => reduced.size === 0 || reduced.has(d);
  return { kept: shape.map((length, d) => (isReduced(d) ? 1 : length)), dropped: shape.filter((_, d) => !isReduced(d)) };
}

/** Sum over `dim`, or over everything. `keepdim` leaves reduced dimensions at length 1. */
export function sum(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const { kept, dropped } = reducedShapes(x.shape, dim);
  const storage = backend().allocate(sizeOf(kept));
  backend().sumTo(x.values, x.shape, storage, kept);
  return record({
    name: dim === undefined ? 'Sum' : 'SumBackward1',
    storage,
    shape: keepdim ? kept : dropped,
    inputs: [x],
    backward: (g) => {
      const dx = backend().allocate(x.size);
      backend().broadcastTo(g, kept, dx, x.shape);
      return [dx];
    },
  });
}

/** Mean over `dim`, or over everything; NaN of nothing. `keepdim` leaves reduced dimensions at length 1. */
export function mean(x: Tensor, dim?: Dims, keepdim = false): Tensor {
  const { kept, dropped } = reducedShapes(x.shape, dim);
  const storage = backend().allocate(sizeOf(kept));
  const count = x.size / storage.length;
  backend().sumTo(x.values, x.shape, storage, kept);
  backend().binaryScalar('div', storage, count, storage);
  return record({
    name: dim === undefined ? 'Mean' : 'MeanBackward1',
    storage,
    shape: keepdim ? kept : dropped,
    inputs: [x],
    backward: (g) => {
      const share = backend().allocate(g.length);
      backend().binaryScalar('div', g, count, share);
      const dx = backend().allocate(x.size);
      backend().broadcastTo(share, kept, dx, x.shape);
      return [dx];
    },
  });
}
