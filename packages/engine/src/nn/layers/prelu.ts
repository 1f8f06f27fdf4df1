// The rectifier layer with learned slopes (torch.nn.PReLU): options, module, shape rule, cost.
import { z } from 'zod';
import { construct, leading } from '../../construction.ts';
import { ShapeError } from '../../errors.ts';
import { prelu as apply } from '../../ops/activations.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { Module, Parameter } from '../module.ts';
import { defineLayer } from './define.ts';

const options = {
  numParameters: z.int().min(1).default(1).describe('The number of slopes: 1 for all channels together, or the number of channels'),
  init: z.number().default(0.25).describe('The initial value of the slopes'),
};
const constructorArguments = z.strictObject(options);

/** Computes x for x > 0, and weight · x otherwise, with a learned weight [numParameters]. */
export class PReLU extends Module {
  readonly weight: Parameter;

  /** @param numParameters 1, or the number of channels; default 1 @param init the initial value; default 0.25 */
  constructor(numParameters?: number, init?: number) {
    super();
    const checked = checkArguments('PReLU', constructorArguments, { numParameters, init }, {});
    this.weight = Parameter.zeros([checked.numParameters]);
    this.weight.values.fill(checked.init);
  }

  override forward(input: Tensor): Tensor {
    return apply(input, this.weight);
  }

  override extraRepr(): string {
    return `num_parameters=${this.weight.size}`;
  }
}

export const prelu = defineLayer({
  type: 'prelu',
  description: 'Rectified linear unit with a learned factor for negative values',
  options,
  outputShape({ numParameters }, input) {
    if (numParameters !== 1 && numParameters !== input[0]) {
      throw new ShapeError(
        `prelu takes 1 parameter or one for each channel of its input ${formatShape(input)}, got ${numParameters}`,
        'numParameters',
      );
    }
    return input;
  },
  cost: ({ numParameters }) => ({ parameters: numParameters, multiplyAdds: 0 }),
  build: ({ numParameters, init }) => new PReLU(numParameters, init),
  pytorch: (given) => construct('nn.PReLU', leading(options, given)),
  onnx: ({ input, node, weight }, { numParameters }, shape) =>
    node('PRelu', [input, weight('weight', [numParameters, ...shape.slice(1).fill(1)])]),
});
