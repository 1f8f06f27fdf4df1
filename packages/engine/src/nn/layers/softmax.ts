// The softmax layer (torch.nn.Softmax): options, module, shape rule.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { softmax as apply } from '../../ops/softmax.ts';
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

/** Computes probabilities over dimension `dim`. Default: dim 1. */
export class Softmax extends Module {
  readonly #dim: number;

  constructor(dim?: number) {
    super();
    this.#dim = checkArguments('Softmax', constructorArguments, { dim }, {}).dim;
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#dim);
  }

  override extraRepr(): string {
    return `dim=${this.#dim}`;
  }
}

export const softmax = defineLayer({
  type: 'softmax',
  description: 'Converts logits to probabilities: e^x divided by the sum of e^x',
  options,
  outputShape({ dim }, input) {
    sampleDimension('dim', dim, input);
    return input;
  },
  outputRange: () => ({ min: 0, max: 1 }),
  memory: { gradientReads: 'output' },
  build: ({ dim }) => new Softmax(dim),
  pytorch: ({ dim }) => construct('nn.Softmax', [dim]),
  onnx: ({ input, node }, { dim }) => node('Softmax', [input], { axis: dim }),
});
