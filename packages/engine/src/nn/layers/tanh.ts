// The hyperbolic tangent as a layer (torch.nn.Tanh): no options, no parameters.
import { construct } from '../../construction.ts';
import { tanh as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** tanh x, element by element. */
export class Tanh extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const tanh = defineLayer({
  type: 'tanh',
  description: 'Squeezes each value into -1 to 1: the hyperbolic tangent',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: -1, max: 1 }),
  memory: gradientInPlace,
  build: () => new Tanh(),
  pytorch: () => construct('nn.Tanh'),
  onnx: ({ input, node }) => node('Tanh', [input]),
});
