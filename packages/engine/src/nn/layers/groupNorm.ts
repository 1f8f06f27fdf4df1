// The group normalisation layer (torch.nn.GroupNorm): options, module, shape rule, cost. The arithmetic is in ops/rowNorm.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { ArgumentError, ShapeError } from '../../errors.ts';
import { groupNorm as normalize } from '../../ops/rowNorm.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { constant, Module, type Parameter } from '../module.ts';
import { pythonScientific } from './batchNorm.ts';
import { defineLayer } from './define.ts';
import { rowStatistics, VALUES_PER_ROW } from './memory.ts';

const options = {
  numGroups: z
    .int()
    .min(1)
    .describe('The number of groups of neighbouring channels. Each group is normalised together. Must divide the number of channels'),
  eps: z.number().min(0).default(1e-5).describe('Added to the variance to avoid a division by zero'),
  affine: z.boolean().default(true).describe('Whether a scale and a shift per channel are learned'),
};
const constructorArguments = z.strictObject({ numChannels: z.int().min(1), ...options });

export type GroupNormLayerOptions = Omit<z.input<typeof constructorArguments>, 'numGroups' | 'numChannels'>;

/** Normalises each sample's channels in groups, with a learned weight and bias [numChannels]. */
export class GroupNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #options: z.output<typeof constructorArguments>;

  /** @param rest defaults: eps 1e-5, affine true @throws ArgumentError if numGroups does not divide numChannels */
  constructor(numGroups: number, numChannels: number, rest: GroupNormLayerOptions = {}) {
    super();
    this.#options = checkArguments('GroupNorm', constructorArguments, { numGroups, numChannels }, rest);
    if (numChannels % numGroups !== 0) throw new ArgumentError(`GroupNorm: numGroups ${numGroups} must divide numChannels ${numChannels}`);
    this.weight = this.#options.affine ? constant([numChannels], 1) : null;
    this.bias = this.#options.affine ? constant([numChannels], 0) : null;
  }

  override forward(input: Tensor): Tensor {
    return normalize(input, this.#options.numGroups, this.weight, this.bias, this.#options.eps);
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, affine } = this.#options;
    return `${numGroups}, ${numChannels}, eps=${pythonScientific(eps)}, affine=${affine ? 'True' : 'False'}`;
  }
}

export const groupNorm = defineLayer({
  type: 'groupNorm',
  description: "Normalises each sample's channels in groups; channels are inferred",
  options,
  outputShape({ numGroups }, input) {
    const [channels] = input;
    if (channels === undefined || channels % numGroups !== 0) {
      throw new ShapeError(`numGroups ${numGroups} must divide the channels of the input ${formatShape(input)}`, 'numGroups');
    }
    return input;
  },
  cost: ({ affine, numGroups }, input) => ({
    parameters: affine ? 2 * input[0] : 0,
    multiplyAdds: sizeOf(input),
    innerActivations: VALUES_PER_ROW * numGroups,
  }),
  memory: rowStatistics,
  build: ({ numGroups, ...rest }, input) => new GroupNorm(numGroups, input[0], rest),
  pytorch: ({ numGroups, ...rest }, input) => construct('nn.GroupNorm', [numGroups, input[0]], changed(options, rest)),
  onnx({ input, node, weight, constant, integers }, { numGroups, eps, affine }, [channels, ...rest]) {
    const grouped = node('Reshape', [input, integers([0, numGroups, -1])]);
    const plain = node('InstanceNormalization', [grouped, constant(1, [numGroups]), constant(0, [numGroups])], { epsilon: { float: eps } });
    const normalized = node('Reshape', [plain, integers([-1, channels, ...rest])]);
    const perChannel = [channels, ...rest.map(() => 1)];
    return affine ? node('Add', [node('Mul', [normalized, weight('weight', perChannel)]), weight('bias', perChannel)]) : normalized;
  },
});
