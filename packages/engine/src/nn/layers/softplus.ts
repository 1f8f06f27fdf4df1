// The smooth rectifier layer (torch.nn.Softplus): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { softplus as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, pythonFloat } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  beta: z.number().gt(0).default(1).describe('How sharply the curve bends at 0. With a larger beta it is closer to relu'),
  threshold: z.number().default(20).describe('If beta · x is larger than this, the output is x'),
};
const constructorArguments = z.strictObject(options);

/** Computes log(1 + e^(beta·x)) / beta for each element. Defaults: beta 1, threshold 20. */
export class Softplus extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError unless beta is above 0 and both are finite numbers */
  constructor(beta?: number, threshold?: number) {
    super();
    this.#options = checkArguments('Softplus', constructorArguments, { beta, threshold }, {});
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#options.beta, this.#options.threshold);
  }

  override extraRepr(): string {
    return `beta=${pythonFloat(this.#options.beta)}, threshold=${pythonFloat(this.#options.threshold)}`;
  }
}

export const softplus = defineLayer({
  type: 'softplus',
  description: 'Smooth rectifier: log(1 + e^(beta x)) / beta',
  options,
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: 0, max: Infinity }),
  memory: gradientInPlace,
  build: ({ beta, threshold }) => new Softplus(beta, threshold),
  pytorch: (given) => construct('nn.Softplus', leading(options, given)),
  onnx({ input, node, constant }, { beta, threshold }) {
    const scaled = beta === 1 ? input : node('Mul', [input, constant(beta, [])]);
    const bent = beta === 1 ? node('Softplus', [scaled]) : node('Div', [node('Softplus', [scaled]), constant(beta, [])]);
    // With a threshold of 20 or more, x and the formula are the same float32 number above it.
    return threshold >= 20 ? bent : node('Where', [node('Greater', [scaled, constant(threshold, [])]), input, bent]);
  },
});
