// The instance normalisation layer (torch.nn.InstanceNorm2d): options, module, shape rule, cost. The arithmetic is in ops/rowNorm.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { ShapeError } from '../../errors.ts';
import type { RunningStatistics } from '../../ops/batchNorm.ts';
import { instanceNorm } from '../../ops/rowNorm.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { constant, Module, type Parameter } from '../module.ts';
import { pythonScientific } from './batchNorm.ts';
import { defineLayer, imageShape } from './define.ts';
import { rowStatistics, VALUES_PER_ROW } from './memory.ts';
import { newStatistics, statisticsBuffers } from './runningStatistics.ts';

const options = {
  eps: z.number().min(0).default(1e-5).describe('Added to the variance to avoid a division by zero'),
  momentum: z.number().min(0).max(1).default(0.1).describe('The weight of a new batch in the running statistics'),
  affine: z.boolean().default(false).describe('Whether a scale and a shift per channel are learned'),
  trackRunningStats: z
    .boolean()
    .default(false)
    .describe('Whether running statistics are kept for evaluation. If false, evaluation uses the statistics of each sample'),
};
const constructorArguments = z.strictObject({ numFeatures: z.int().min(1), ...options });

export type InstanceNormLayerOptions = Omit<z.input<typeof constructorArguments>, 'numFeatures'>;

/** Normalises each channel of each sample of [N, C, H, W]. */
export class InstanceNorm2d extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #running: Required<RunningStatistics> | null;
  readonly #options: z.output<typeof constructorArguments>;

  /**
   * @param numFeatures the number of channels
   * @param rest defaults: eps 1e-5, momentum 0.1, affine false, trackRunningStats false
   * @throws ArgumentError for options out of range
   */
  constructor(numFeatures: number, rest: InstanceNormLayerOptions = {}) {
    super();
    const checked = checkArguments('InstanceNorm2d', constructorArguments, { numFeatures }, rest);
    this.#options = checked;
    this.weight = checked.affine ? constant([numFeatures], 1) : null;
    this.bias = checked.affine ? constant([numFeatures], 0) : null;
    this.#running = checked.trackRunningStats ? newStatistics(numFeatures) : null;
  }

  /** @throws ArgumentError for images of one position that are normalised with their own statistics */
  override forward(input: Tensor): Tensor {
    const { eps, momentum } = this.#options;
    return instanceNorm(input, this.#running, this.weight, this.bias, { training: this.training, momentum, eps });
  }

  protected override ownBuffers(): [string, Tensor][] {
    return statisticsBuffers(this.#running);
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this.#options;
    const bool = (value: boolean): string => (value ? 'True' : 'False');
    return `${numFeatures}, eps=${pythonScientific(eps)}, momentum=${momentum}, affine=${bool(affine)}, track_running_stats=${bool(trackRunningStats)}`;
  }
}

export const instanceNorm2d = defineLayer({
  type: 'instanceNorm2d',
  description: 'Normalises each channel of each sample [channels, height, width]. The number of channels is inferred from the input',
  options,
  outputShape(_options, input) {
    const [channels, height, width] = imageShape('instanceNorm2d', input);
    if (height * width === 1) {
      throw new ShapeError(
        `instanceNorm2d needs more than one position per channel, got ${formatShape(input)}: put it before the layer that leaves 1×1, or use batchNorm2d`,
      );
    }
    return [channels, height, width];
  },
  cost: ({ affine }, input) => ({
    parameters: affine ? 2 * input[0] : 0,
    multiplyAdds: sizeOf(input),
    innerActivations: VALUES_PER_ROW * input[0],
  }),
  memory: { ...rowStatistics, hasCounters: true },
  build: (given, input) => new InstanceNorm2d(input[0], given),
  pytorch: (given, input) => construct('nn.InstanceNorm2d', [input[0]], changed(options, given)),
  onnx({ input, node, weight, constant }, { eps, affine, trackRunningStats }, [channels]) {
    const [scale, shift] = affine ? [weight('weight'), weight('bias')] : [constant(1, [channels]), constant(0, [channels])];
    const epsilon = { float: eps };
    if (!trackRunningStats) return node('InstanceNormalization', [input, scale, shift], { epsilon });
    return node('BatchNormalization', [input, scale, shift, weight('running_mean'), weight('running_var')], { epsilon });
  },
});
