// The hyperbolic tangent layer (torch.nn.Tanh). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { tanh as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes tanh x for each element. */
export class Tanh extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const tanh = defineLayer({
  type: 'tanh',
  description: 'Hyperbolic tangent, with values from -1 to 1',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: -1, max: 1 }),
  memory: gradientInPlace,
  build: () => new Tanh(),
  pytorch: () => construct('nn.Tanh'),
  onnx: ({ input, node }) => node('Tanh', [input]),
});
