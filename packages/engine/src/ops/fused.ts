// Neighbouring layers as one operation: a convolution or a linear layer with relu, and a convolution with relu and max pooling. The result
// equals the result of the single operations, but the values between them are not available. In the graph, the node has the name of the
// last operation and the operands of the first operation.
import { record } from '../autograd.ts';
import type { ConvGeometry, FloatArray, PoolGeometry } from '../backend/backend.ts';
import { backend } from '../backend/current.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkedLinearSizes } from './matmul.ts';

/** Computes relu of a convolution. The sizes must already have been checked. */
export function conv2dRelu(input: Tensor, weight: Tensor, bias: Tensor | null, geometry: ConvGeometry): Tensor {
  const shape = [geometry.batch, geometry.outChannels, geometry.outHeight, geometry.outWidth];
  const size = sizeOf(shape);
  let y: FloatArray;
  return record({
    name: 'Relu',
    forward: () => {
      y = backend().allocate(size);
      backend().conv2dRelu(input.values, weight.values, bias === null ? null : bias.values, y, geometry);
      return y;
    },
    shape,
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    savesResult: true,
    backward: (g, needed, grads, pass) => {
      const dx = needed[0] ? pass.gradientStorage(0, input.size) : null;
      const dw = needed[1] ? pass.gradientStorage(1, weight.size) : null;
      const db = needed[2] ? pass.gradientStorage(2, geometry.outChannels) : null;
      backend().conv2dBackward(g, y, input.values, weight.values, dx, dw, db, geometry, pass.mayChangeGradient);
      grads[0] = dx;
      grads[1] = dw;
      if (bias !== null) grads[2] = db;
      return grads;
    },
  });
}

/** Computes a convolution, then relu, then max pooling. Max pooling before relu would give the same result. */
export function conv2dReluMaxPool2d(
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  geometry: ConvGeometry,
  pool: PoolGeometry,
): Tensor {
  const { batch, outChannels } = geometry;
  let y: FloatArray;
  let indices: Int32Array;
  return record({
    name: 'MaxPool2DWithIndices',
    forward: () => {
      y = backend().allocate(pool.planes * pool.outHeight * pool.outWidth);
      indices = backend().allocateIndices(y.length);
      backend().conv2dReluPool(input.values, weight.values, bias === null ? null : bias.values, y, indices, geometry, pool);
      return y;
    },
    shape: [batch, outChannels, pool.outHeight, pool.outWidth],
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    savesResult: true,
    backward: (g, needed, grads, pass) => {
      const dx = needed[0] ? pass.gradientStorage(0, input.size) : null;
      const dw = needed[1] ? pass.gradientStorage(1, weight.size) : null;
      const db = needed[2] ? pass.gradientStorage(2, outChannels) : null;
      backend().conv2dReluPoolBackward(g, y, indices, input.values, weight.values, dx, dw, db, geometry, pool);
      grads[0] = dx;
      grads[1] = dw;
      if (bias !== null) grads[2] = db;
      return grads;
    },
  });
}

/** Computes relu(linear(x, weight, bias)). */
export function linearRelu(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const { n, inFeatures, outFeatures } = checkedLinearSizes(x, weight, bias);
  let y: FloatArray;
  return record({
    name: 'Relu',
    forward: () => {
      y = backend().allocate(n * outFeatures);
      backend().linearRelu(x.values, weight.values, bias === null ? null : bias.values, y, n, inFeatures, outFeatures);
      return y;
    },
    shape: x.shape.with(x.rank - 1, outFeatures),
    inputs: bias === null ? [x, weight] : [x, weight, bias],
    saved: [x, weight],
    savesResult: true,
    backward: (g, needed, grads, pass) => {
      const dx = needed[0] ? pass.gradientStorage(0, x.size) : null;
      const dw = needed[1] ? pass.gradientStorage(1, weight.size) : null;
      const db = needed[2] ? pass.gradientStorage(2, outFeatures) : null;
      backend().linearBackward(g, y, x.values, weight.values, dx, dw, db, n, inFeatures, outFeatures);
      grads[0] = dx;
      grads[1] = dw;
      if (bias !== null) grads[2] = db;
      return grads;
    },
  });
}
