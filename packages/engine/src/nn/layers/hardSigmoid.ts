// The hard sigmoid layer (torch.nn.Hardsigmoid). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { hardSigmoid as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes relu6(x + 3) / 6 for each element. */
export class Hardsigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const hardSigmoid = defineLayer({
  type: 'hardSigmoid',
  description: 'Piecewise linear approximation of the sigmoid: min(max(x + 3, 0), 6) / 6',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: 0, max: 1 }),
  memory: gradientInPlace,
  build: () => new Hardsigmoid(),
  pytorch: () => construct('nn.Hardsigmoid'),
  onnx: ({ input, node }) => node('HardSigmoid', [input], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
});
