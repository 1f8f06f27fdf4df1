// The mish layer (torch.nn.Mish). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { mish as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes x · tanh(softplus(x)) for each element. */
export class Mish extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const mish = defineLayer({
  type: 'mish',
  description: 'Smooth activation similar to SiLU: x · tanh(log(1 + e^x))',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: (_options, { max }) => ({ min: -0.309, max: Math.max(max, 0) }),
  memory: gradientInPlace,
  build: () => new Mish(),
  pytorch: () => construct('nn.Mish'),
  onnx: ({ input, node }) => node('Mul', [input, node('Tanh', [node('Softplus', [input])])]),
});
