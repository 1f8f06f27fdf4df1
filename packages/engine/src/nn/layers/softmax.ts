// The softmax layer (torch.nn.Softmax). overDimension.ts has its option `dim`.
import { construct } from '../../construction.ts';
import { softmax as apply } from '../../ops/softmax.ts';
import type { Tensor } from '../../tensor.ts';
import { defineLayer } from './define.ts';
import { dimOptions, OverDimension, shapeOverDimension } from './overDimension.ts';

/** Computes probabilities over dimension `dim`. Default: dim 1. */
export class Softmax extends OverDimension {
  override forward(input: Tensor): Tensor {
    return apply(input, this.dim);
  }
}

export const softmax = defineLayer({
  type: 'softmax',
  description: 'Converts logits to probabilities: e^x divided by the sum of e^x',
  options: dimOptions,
  outputShape: shapeOverDimension,
  outputRange: () => ({ min: 0, max: 1 }),
  memory: { gradientReads: 'output' },
  build: ({ dim }) => new Softmax(dim),
  pytorch: ({ dim }) => construct('nn.Softmax', [dim]),
  onnx: ({ input, node }, { dim }) => node('Softmax', [input], { axis: dim }),
});
