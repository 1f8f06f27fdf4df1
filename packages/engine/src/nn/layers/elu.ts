// The exponential linear unit layer (torch.nn.ELU): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { elu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, pythonFloat } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  alpha: z.number().default(1).describe('The output approaches -alpha for very negative inputs'),
};
const constructorArguments = z.strictObject(options);

/** Computes x for x > 0, and alpha · (eˣ − 1) otherwise. Default: alpha 1. */
export class ELU extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError unless alpha is a finite number */
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
  description: 'Exponential linear unit: x for x > 0, alpha · (e^x - 1) otherwise',
  options,
  outputShape: (_options, input) => input,
  outputRange: ({ alpha }, { max }) => ({ min: Math.min(-alpha, 0), max: Math.max(max, 0, -alpha) }),
  memory: gradientInPlace,
  build: ({ alpha }) => new ELU(alpha),
  pytorch: (given) => construct('nn.ELU', leading(options, given)),
  onnx: ({ input, node }, { alpha }) => node('Elu', [input], { alpha: { float: alpha } }),
});
