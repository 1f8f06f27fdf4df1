// The sigmoid linear unit layer (torch.nn.SiLU). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { silu as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes x · sigmoid(x) for each element. */
export class SiLU extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const silu = defineLayer({
  type: 'silu',
  description: 'Sigmoid linear unit, also called swish: x · sigmoid(x)',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: (_options, { max }) => ({ min: -0.2785, max: Math.max(max, 0) }),
  memory: gradientInPlace,
  build: () => new SiLU(),
  pytorch: () => construct('nn.SiLU'),
  onnx: ({ input, node }) => node('Mul', [input, node('Sigmoid', [input])]),
});
