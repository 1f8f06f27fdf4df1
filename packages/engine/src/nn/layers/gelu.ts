// The Gaussian error linear unit layer (torch.nn.GELU): options, module.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { gelu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  approximate: z
    .enum(['none', 'tanh'])
    .default('none')
    .describe("'none' computes the exact function, 'tanh' an approximation with the hyperbolic tangent"),
};
const constructorArguments = z.strictObject(options);

/** Computes x · Φ(x) for each element. 'none' is exact, 'tanh' is the usual approximation. */
export class GELU extends Module {
  readonly #options: z.output<typeof constructorArguments>;

  /** @throws ArgumentError unless `approximate` is 'none' or 'tanh' */
  constructor(approximate?: 'none' | 'tanh') {
    super();
    this.#options = checkArguments('GELU', constructorArguments, { approximate }, {});
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.#options.approximate);
  }

  override extraRepr(): string {
    return `approximate='${this.#options.approximate}'`;
  }
}

export const gelu = defineLayer({
  type: 'gelu',
  description: 'Gaussian error linear unit: x times the probability that a standard normal value is below x',
  options,
  outputShape: (_options, input) => input,
  outputRange: (_options, { max }) => ({ min: -0.17005, max: Math.max(max, 0) }),
  memory: gradientInPlace,
  build: ({ approximate }) => new GELU(approximate),
  pytorch: (given) => construct('nn.GELU', leading(options, given)),
  onnx({ input, node, constant }, { approximate }) {
    const times = (value: string, factor: number): string => node('Mul', [value, constant(factor, [])]);
    const cubic = (): string => node('Add', [input, times(node('Mul', [input, node('Mul', [input, input])]), 0.044715)]);
    const bent =
      approximate === 'none' ? node('Erf', [times(input, Math.SQRT1_2)]) : node('Tanh', [times(cubic(), Math.sqrt(2 / Math.PI))]);
    return node('Mul', [times(input, 0.5), node('Add', [bent, constant(1, [])])]);
  },
});
