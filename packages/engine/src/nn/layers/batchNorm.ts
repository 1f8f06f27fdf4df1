// The batch normalisation layers (torch.nn.BatchNorm1d and BatchNorm2d), which accept different input shapes: options, modules, shape
// rules, cost. The arithmetic is in ops/batchNorm.ts.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { ShapeError } from '../../errors.ts';
import { batchNorm, type RunningStatistics } from '../../ops/batchNorm.ts';
import type { OnnxScope } from '../../onnx.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { constant, Module, type Parameter } from '../module.ts';
import { defineLayer, imageShape } from './define.ts';
import { gradientInPlace } from './memory.ts';
import { newStatistics, statisticsBuffers } from './runningStatistics.ts';

const options = {
  eps: z.number().min(0).default(1e-5).describe('Added to the variance to avoid a division by zero'),
  momentum: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(0.1)
    .describe('The weight of a new batch in the running statistics. null: the running statistics are the mean over all batches'),
  affine: z.boolean().default(true).describe('Whether a scale and a shift per channel are learned'),
  trackRunningStats: z
    .boolean()
    .default(true)
    .describe('Whether running statistics are kept for evaluation. If false, evaluation uses the statistics of its own batch'),
};
const constructorArguments = z.strictObject({ numFeatures: z.int().min(1), ...options });

export type BatchNormLayerOptions = Omit<z.input<typeof constructorArguments>, 'numFeatures'>;

/** The common part of the batch norms of both input shapes. */
export abstract class BatchNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  /** Whether training mode also uses the stored statistics, and leaves them as they are. Default: false. It is set for frozen layers. */
  usesStoredStatistics = false;
  readonly #running: Required<RunningStatistics> | null;
  readonly #options: z.output<typeof constructorArguments>;

  /**
   * @param numFeatures the number of channels
   * @param rest defaults: eps 1e-5, momentum 0.1, affine true, trackRunningStats true
   * @throws ArgumentError for options out of range
   */
  constructor(numFeatures: number, rest: BatchNormLayerOptions = {}) {
    super();
    const checked = checkArguments(new.target.name, constructorArguments, { numFeatures }, rest);
    this.#options = checked;
    this.weight = checked.affine ? constant([numFeatures], 1) : null;
    this.bias = checked.affine ? constant([numFeatures], 0) : null;
    this.#running = checked.trackRunningStats ? newStatistics(numFeatures) : null;
  }

  /** @throws ArgumentError in training mode if each channel has a single value */
  override forward(input: Tensor): Tensor {
    const { eps, momentum } = this.#options;
    const running = this.#running;
    const training = running === null || (this.training && !this.usesStoredStatistics);
    return batchNorm(input, running, this.weight, this.bias, { training, momentum, eps });
  }

  protected override ownBuffers(): [string, Tensor][] {
    return statisticsBuffers(this.#running);
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this.#options;
    const bool = (value: boolean): string => (value ? 'True' : 'False');
    return `${numFeatures}, eps=${pythonScientific(eps)}, momentum=${momentum ?? 'None'}, affine=${bool(affine)}, track_running_stats=${bool(trackRunningStats)}`;
  }
}

/** Returns a small number in Python's notation: 1e-05. */
export const pythonScientific = (value: number): string =>
  value > 0 && value < 1e-4 ? value.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(value);

/** Normalises each channel of [N, C] or [N, C, L]. */
export class BatchNorm1d extends BatchNorm {}

/** Normalises each channel of [N, C, H, W]. */
export class BatchNorm2d extends BatchNorm {}

type Options = z.output<z.ZodObject<typeof options>>;

const cost = ({ affine }: Options, input: Shape) => ({ parameters: affine ? 2 * input[0] : 0, multiplyAdds: sizeOf(input) });

/** Returns 2 if a sample has a single value per channel, because a variance needs two values. Otherwise returns 1. */
const leastBatch = (_options: Options, input: Shape): number => (sizeOf(input.slice(1)) === 1 ? 2 : 1);

function onnx(
  { input, node, weight, constant }: OnnxScope,
  { eps, affine, trackRunningStats }: Options,
  [channels, ...rest]: Shape,
): string {
  if (trackRunningStats) {
    const [scale, shift] = affine ? [weight('weight'), weight('bias')] : [constant(1, [channels]), constant(0, [channels])];
    return node('BatchNormalization', [input, scale, shift, weight('running_mean'), weight('running_var')], { epsilon: { float: eps } });
  }
  // Without running statistics, the batch's own statistics are used in evaluation too.
  const axes = [0, ...rest.map((_, i) => i + 2)];
  const perChannel = [1, channels, ...rest.map(() => 1)];
  const mean = (value: string): string => node('ReduceMean', [value], { axes, keepdims: 1 });
  const centred = node('Sub', [input, mean(input)]);
  const deviation = node('Sqrt', [node('Add', [mean(node('Mul', [centred, centred])), constant(eps, [])])]);
  const normalized = node('Div', [centred, deviation]);
  if (!affine) return normalized;
  return node('Add', [node('Mul', [normalized, weight('weight', perChannel)]), weight('bias', perChannel)]);
}

export const batchNorm2d = defineLayer({
  type: 'batchNorm2d',
  description: 'Normalises each channel of [channels, height, width] over the batch. The number of channels is inferred from the input',
  options,
  outputShape: (_options, input) => imageShape('batchNorm2d', input),
  cost,
  leastBatch,
  memory: { ...gradientInPlace, hasCounters: true },
  build: (options, input) => new BatchNorm2d(input[0], options),
  pytorch: (given, input) => construct('nn.BatchNorm2d', [input[0]], changed(options, given)),
  onnx,
});

export const batchNorm1d = defineLayer({
  type: 'batchNorm1d',
  description:
    'Normalises each feature of [features], or each channel of [channels, length], over the batch. The number is inferred from the input',
  options,
  outputShape(_options, input) {
    if (input.length !== 1 && input.length !== 2) {
      throw new ShapeError(
        `batchNorm1d needs an input [features] or [channels, length], got ${formatShape(input)}: use batchNorm2d for images`,
      );
    }
    return input;
  },
  cost,
  leastBatch,
  memory: { ...gradientInPlace, hasCounters: true },
  build: (options, input) => new BatchNorm1d(input[0], options),
  pytorch: (given, input) => construct('nn.BatchNorm1d', [input[0]], changed(options, given)),
  onnx,
});
