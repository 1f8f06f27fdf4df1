// The logistic function layer (torch.nn.Sigmoid). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { sigmoid as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes 1 / (1 + e⁻ˣ) for each element. */
export class Sigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const sigmoid = defineLayer({
  type: 'sigmoid',
  description: 'Logistic function, with values from 0 to 1: 1 / (1 + e^-x)',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: 0, max: 1 }),
  memory: gradientInPlace,
  build: () => new Sigmoid(),
  pytorch: () => construct('nn.Sigmoid'),
  onnx: ({ input, node }) => node('Sigmoid', [input]),
});
