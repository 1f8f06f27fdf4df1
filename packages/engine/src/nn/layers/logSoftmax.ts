// The log-softmax layer (torch.nn.LogSoftmax): options, module, shape rule.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { logSoftmax as apply } from '../../ops/softmax.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, sampleDimension } from './define.ts';

const options = {
  dim: z
    .int()
    .default(1)
    .describe(
      'The dimension along which the probabilities sum to 1. 0 is the batch, which is not allowed. Negative numbers count from the end',
    ),
};
const constructorArguments = z.strictObject(options);

/** Computes log-probabilities over dimension `dim`. Default: dim 1. */
export class LogSoftmax extends Module {
  readonly #dim: number;

  constructor(dim?: number) {
    super();
    this.#dim = checkArguments('LogSoftmax', constructorArguments, { dim }, {}).dim;
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#dim);
  }

  override extraRepr(): string {
    return `dim=${this.#dim}`;
  }
}

export const logSoftmax = defineLayer({
  type: 'logSoftmax',
  description: 'Converts logits to log-probabilities, which the losses nll and klDiv expect',
  options,
  outputShape({ dim }, input) {
    sampleDimension('dim', dim, input);
    return input;
  },
  outputRange: () => ({ min: -Infinity, max: 0 }),
  memory: { gradientReads: 'output' },
  build: ({ dim }) => new LogSoftmax(dim),
  pytorch: ({ dim }) => construct('nn.LogSoftmax', [dim]),
  onnx: ({ input, node }, { dim }) => node('LogSoftmax', [input], { axis: dim }),
});
