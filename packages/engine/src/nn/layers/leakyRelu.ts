// The leaky rectifier layer (torch.nn.LeakyReLU): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { leakyRelu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  negativeSlope: z.number().default(0.01).describe('The factor of negative inputs'),
};
const constructorArguments = z.strictObject(options);

/** Computes x for x > 0, and negativeSlope · x otherwise. Default: negativeSlope 0.01. */
export class LeakyReLU extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError unless negativeSlope is a finite number */
  constructor(negativeSlope?: number) {
    super();
    this.#options = checkArguments('LeakyReLU', constructorArguments, { negativeSlope }, {});
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#options.negativeSlope);
  }

  override extraRepr(): string {
    return `negative_slope=${this.#options.negativeSlope}`;
  }
}

export const leakyRelu = defineLayer({
  type: 'leakyRelu',
  description: 'Rectified linear unit that multiplies negative values by a small factor: x for x > 0, negativeSlope · x otherwise',
  options,
  outputShape: (_options, input) => input,
  outputRange: ({ negativeSlope }, { min, max }) => ({ min: Math.min(negativeSlope * min, 0), max: Math.max(max, 0, negativeSlope * min) }),
  memory: gradientInPlace,
  build: ({ negativeSlope }) => new LeakyReLU(negativeSlope),
  pytorch: (given) => construct('nn.LeakyReLU', leading(options, given)),
  onnx: ({ input, node }, { negativeSlope }) => node('LeakyRelu', [input], { alpha: { float: negativeSlope } }),
});
