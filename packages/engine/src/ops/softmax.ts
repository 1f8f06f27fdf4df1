// Softmax and log-softmax. Log-softmax is an operation of its own: it computes x − max − log Σ exp(x − max). log(softmax(x)) would be
// -Infinity where softmax(x) is too small for float32.
import { record } from '../autograd.ts';
import type { FloatArray } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { normalizeDim, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Returns the sizes of x seen as [outer, length, inner], where `length` is the dimension `dim`. */
function lines(x: Tensor, dim: number): { outer: number; length: number; inner: number } {
  const axis = normalizeDim(dim, x.rank);
  return { outer: sizeOf(x.shape.slice(0, axis)), length: x.shape[axis] ?? 1, inner: sizeOf(x.shape.slice(axis + 1)) };
}

/** Returns the logarithm of the softmax over dimension `dim` (torch.log_softmax). */
export function logSoftmax(x: Tensor, dim: number): Tensor {
  const { outer, length, inner } = lines(x, dim);
  let y: FloatArray;
  return record({
    name: 'LogSoftmax',
    forward: () => {
      y = backend().allocate(x.size);
      backend().logSoftmax(x.values, y, outer, length, inner);
      return y;
    },
    shape: x.shape,
    inputs: [x],
    savesResult: true,
    backward: (g, _needed, grads) => {
      const dx = backend().allocate(x.size);
      backend().logSoftmaxBackward(g, y, dx, outer, length, inner);
      grads[0] = dx;
      return grads;
    },
  });
}

/** Returns eˣ / Σ eˣ over dimension `dim` (torch.softmax). It is computed from the log-softmax, so that nothing overflows. */
export function softmax(x: Tensor, dim: number): Tensor {
  const { outer, length, inner } = lines(x, dim);
  const [shape, summed] = [
    [outer, length, inner],
    [outer, 1, inner],
  ];
  let y: FloatArray;
  return record({
    name: 'Softmax',
    forward: () => {
      y = backend().allocate(x.size);
      backend().logSoftmax(x.values, y, outer, length, inner);
      backend().unary('exp', y, y);
      return y;
    },
    shape: x.shape,
    inputs: [x],
    savesResult: true,
    backward: (g, _needed, grads, pass) => {
      // y · (g − Σ g·y)
      const products = backend().allocate(x.size);
      backend().binary('mul', g, shape, y, shape, products, shape);
      const sums = backend().allocate(outer * inner);
      backend().sumTo(products, shape, sums, summed);
      const dx = pass.overGradient(g);
      backend().binary('sub', g, shape, sums, summed, dx, shape);
      backend().binary('mul', dx, shape, y, shape, dx, shape);
      grads[0] = dx;
      return grads;
    },
  });
}
