// The hard swish layer (torch.nn.Hardswish). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { hardSwish as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes x · relu6(x + 3) / 6 for each element. */
export class Hardswish extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const hardSwish = defineLayer({
  type: 'hardSwish',
  description: 'Piecewise approximation of SiLU: x · min(max(x + 3, 0), 6) / 6',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: (_options, { max }) => ({ min: -0.375, max: Math.max(max, 0) }),
  memory: gradientInPlace,
  build: () => new Hardswish(),
  pytorch: () => construct('nn.Hardswish'),
  onnx: ({ input, node }) => node('HardSwish', [input]),
});
