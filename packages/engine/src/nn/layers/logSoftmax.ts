// The log-softmax layer (torch.nn.LogSoftmax). overDimension.ts has its option `dim`.
import { construct } from '../../construction.ts';
import { logSoftmax as apply } from '../../ops/softmax.ts';
import type { Tensor } from '../../tensor.ts';
import { defineLayer } from './define.ts';
import { dimOptions, OverDimension, shapeOverDimension } from './overDimension.ts';

/** Computes log-probabilities over dimension `dim`. Default: dim 1. */
export class LogSoftmax extends OverDimension {
  override forward(input: Tensor): Tensor {
    return apply(input, this.dim);
  }
}

export const logSoftmax = defineLayer({
  type: 'logSoftmax',
  description: 'Converts logits to log-probabilities, which the losses nll and klDiv expect',
  options: dimOptions,
  outputShape: shapeOverDimension,
  outputRange: () => ({ min: -Infinity, max: 0 }),
  memory: { gradientReads: 'output' },
  build: ({ dim }) => new LogSoftmax(dim),
  pytorch: ({ dim }) => construct('nn.LogSoftmax', [dim]),
  onnx: ({ input, node }, { dim }) => node('LogSoftmax', [input], { axis: dim }),
});
