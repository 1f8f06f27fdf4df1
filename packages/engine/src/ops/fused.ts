// Neighbouring layers as one operation: a convolution or a linear layer with the rectifier after it, and max-pooling after
// that. Each is the composition of the operations it stands for; only what lies between them cannot be looked at. Its node
// in the graph is called as the last of them, its operands are the first one's.
import { gradientStorage, record } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type Conv2dOptions, checkedConvGeometry } from './conv2d.ts';
import { checkedLinearSizes } from './matmul.ts';
import { type Pool2dOptions, poolGeometry } from './pool2d.ts';
import type { SizePair } from './window.ts';

/** relu(conv2d(input, weight, bias, options)). */
export function conv2dRelu(input: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions): Tensor {
  const geometry = checkedConvGeometry(input, weight, bias, options);
  const shape = [geometry.batch, geometry.outChannels, geometry.outHeight, geometry.outWidth];
  const y = backend().allocate(sizeOf(shape));
  backend().conv2dRelu(input.values, weight.values, bias === null ? null : bias.values, y, geometry);
  return record({
    name: 'Relu',
    storage: y,
    shape,
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    savesResult: true,
    backward: (g, needed) => {
      const dx = needed[0] ? gradientStorage(0, input.size) : null;
      const dw = needed[1] ? gradientStorage(1, weight.size) : null;
      const db = needed[2] ? gradientStorage(2, geometry.outChannels) : null;
      backend().conv2dBackward(g, y, input.values, weight.values, dx, dw, db, geometry);
      return [dx, dw, db];
    },
  });
}

/** maxPool2d(relu(conv2d(input, weight, bias, options)), kernelSize, poolOptions), which is also relu after maxPool2d. */
export function conv2dReluMaxPool2d(
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions,
  kernelSize: SizePair,
  poolOptions: Pool2dOptions,
): Tensor {
  const geometry = checkedConvGeometry(input, weight, bias, options);
  const { batch, outChannels } = geometry;
  const pool = poolGeometry([batch, outChannels, geometry.outHeight, geometry.outWidth], kernelSize, poolOptions);
  const shape = [batch, outChannels, pool.outHeight, pool.outWidth];
  const y = backend().allocate(sizeOf(shape));
  const indices = backend().allocateIndices(y.length);
  backend().conv2dReluPool(input.values, weight.values, bias === null ? null : bias.values, y, indices, geometry, pool);
  return record({
    name: 'MaxPool2DWithIndices',
    storage: y,
    shape,
    inputs: bias === null ? [input, weight] : [input, weight, bias],
    saved: [input, weight],
    savesResult: true,
    backward: (g, needed) => {
      const dx = needed[0] ? gradientStorage(0, input.size) : null;
      const dw = needed[1] ? gradientStorage(1, weight.size) : null;
      const db = needed[2] ? gradientStorage(2, outChannels) : null;
      backend().conv2dReluPoolBackward(g, y, indices, input.values, weight.values, dx, dw, db, geometry, pool);
      return [dx, dw, db];
    },
  });
}

/** relu(linear(x, weight, bias)). */
export function linearRelu(x: Tensor, weight: Tensor, bias: Tensor | null): Tensor {
  const { n, inFeatures, outFeatures } = checkedLinearSizes(x, weight, bias);
  const y = backend().allocate(n * outFeatures);
  backend().linearRelu(x.values, weight.values, bias === null ? null : bias.values, y, n, inFeatures, outFeatures);
  return record({
    name: 'Relu',
    storage: y,
    shape: [...x.shape.slice(0, -1), outFeatures],
    inputs: bias === null ? [x, weight] : [x, weight, bias],
    saved: [x, weight],
    savesResult: true,
    backward: (g, needed) => {
      const dx = needed[0] ? gradientStorage(0, x.size) : null;
      const dw = needed[1] ? gradientStorage(1, weight.size) : null;
      const db = needed[2] ? gradientStorage(2, outFeatures) : null;
      backend().linearBackward(g, y, x.values, weight.values, dx, dw, db, n, inFeatures, outFeatures);
      return [dx, dw, db];
    },
  });
}
