// The rectifier layer (torch.nn.ReLU). It has no options and no parameters.
import { construct } from '../../construction.ts';
import { relu as rectify } from '../../ops/elementwise.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

/** Computes max(x, 0) for each element. */
export class ReLU extends Module {
  override forward(input: Tensor): Tensor {
    return rectify(input);
  }
}

export const relu = defineLayer({
  type: 'relu',
  description: 'Rectified linear unit: max(x, 0)',
  options: {},
  outputShape: (_options, input) => input,
  outputRange: (_options, { max }) => ({ min: 0, max: Math.max(max, 0) }),
  memory: { ...gradientInPlace, gradientReads: 'output', fusedAs: 'rectifier' },
  build: () => new ReLU(),
  pytorch: () => construct('nn.ReLU'),
  onnx: ({ input, node }) => node('Relu', [input]),
});
