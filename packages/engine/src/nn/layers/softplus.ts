// The smooth rectifier as a layer (torch.nn.Softplus): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { softplus as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, pythonFloat } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  beta: z.number().gt(0).default(1).describe('Sharpness of the bend'),
  threshold: z.number().default(20).describe('Where beta · x is above it, x itself'),
};
const constructorArguments = z.strictObject(options);

/** log(1 + e^(beta·x)) / beta, element by element; beta 1, threshold 20. */
export class Softplus extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError for options that make no sense. */
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
  description: 'A smooth rectifier: log(1 + e^(beta x)) / beta',
  options,
  outputShape: (_options, input) => input,
  outputRange: () => ({ min: 0, max: Infinity }),
  memory: gradientInPlace,
  build: ({ beta, threshold }) => new Softplus(beta, threshold),
  pytorch: (given) => construct('nn.Softplus', leading(options, given)),
  onnx({ input, node, constant }, { beta, threshold }) {
    const scaled = beta === 1 ? input : node('Mul', [input, constant(beta, [])]);
    const bent = beta === 1 ? node('Softplus', [scaled]) : node('Div', [node('Softplus', [scaled]), constant(beta, [])]);
    // Above 20 the two are the same number in float32.
    return threshold >= 20 ? bent : node('Where', [node('Greater', [scaled, constant(threshold, [])]), input, bent]);
  },
});
