// The leaky rectifier as a layer (torch.nn.LeakyReLU): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { leakyRelu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  negativeSlope: z.number().default(0.01).describe('Slope below 0'),
};
const constructorArguments = z.strictObject(options);

/** x above 0, negativeSlope · x below; default 0.01. */
export class LeakyReLU extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError for options that make no sense. */
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
  description: 'Rectified linear unit that lets a share of negative values through',
  options,
  outputShape: (_options, input) => input,
  outputRange: ({ negativeSlope }, { min, max }) => ({ min: Math.min(negativeSlope * min, 0), max: Math.max(max, 0, negativeSlope * min) }),
  memory: gradientInPlace,
  build: ({ negativeSlope }) => new LeakyReLU(negativeSlope),
  pytorch: (given) => construct('nn.LeakyReLU', leading(options, given)),
  onnx: ({ input, node }, { negativeSlope }) => node('LeakyRelu', [input], { alpha: { float: negativeSlope } }),
});
