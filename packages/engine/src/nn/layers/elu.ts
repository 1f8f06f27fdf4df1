// The exponential linear unit as a layer (torch.nn.ELU): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { elu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, pythonFloat } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  alpha: z.number().default(1).describe('How far it falls below 0'),
};
const constructorArguments = z.strictObject(options);

/** x above 0, alpha · (eˣ − 1) below; default 1. */
export class ELU extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError for options that make no sense. */
  constructor(alpha?: number) {
    super();
    this.#options = checkArguments('ELU', constructorArguments, { alpha }, {});
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#options.alpha);
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.#options.alpha)}`;
  }
}

export const elu = defineLayer({
  type: 'elu',
  description: 'Exponential linear unit: x above 0, alpha · (e^x - 1) below',
  options,
  outputShape: (_options, input) => input,
  outputRange: ({ alpha }, { max }) => ({ min: Math.min(-alpha, 0), max: Math.max(max, 0, -alpha) }),
  memory: gradientInPlace,
  build: ({ alpha }) => new ELU(alpha),
  pytorch: (given) => construct('nn.ELU', leading(options, given)),
  onnx: ({ input, node }, { alpha }) => node('Elu', [input], { alpha: { float: alpha } }),
});
