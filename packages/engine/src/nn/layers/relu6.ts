// The bounded rectifier layer (torch.nn.ReLU6). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { relu6 as apply } from '../../ops/activations.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes min(max(x, 0), 6) for each element. */
export class ReLU6 extends Module {
  override forward(input: Tensor): Tensor {
    return apply(input);
  }
}

export const relu6 = defineLayer({
  type: 'relu6',
  description: 'Rectified linear unit with the maximum 6: min(max(x, 0), 6)',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: 0, max: 6 }),
  memory: gradientInPlace,
  build: () => new ReLU6(),
  pytorch: () => construct('nn.ReLU6'),
  onnx: ({ input, node, constant }) => node('Clip', [input, constant(0, []), constant(6, [])]),
});
