// The learning rate falls when a metric no longer improves (torch.optim.lr_scheduler.ReduceLROnPlateau).
import { z } from 'zod';
import { goalOf, metricConflict, metricName } from '../training/metricDefinitions.ts';
import { constructScheduler, defineScheduler, type PlateauState } from './define.ts';

const options = {
  interval: z.literal('epoch').default('epoch').describe('This scheduler counts epochs, because a metric is known at the end of an epoch'),
  metric: metricName.optional().describe('The metric that must improve. Default: testLoss, or trainLoss without test data'),
  mode: z
    .enum(['min', 'max'])
    .optional()
    .describe('`min`: a smaller value is better. `max`: a larger value is better. Default: the one in which the metric gets better'),
  factor: z.number().gt(0).lt(1).default(0.1).describe('The factor of each change'),
  patience: z
    .int()
    .min(0)
    .default(10)
    .describe('The number of epochs without improvement that are allowed. One more lowers the learning rate'),
  threshold: z.number().min(0).default(1e-4).describe('The smallest change that counts as an improvement'),
  thresholdMode: z
    .enum(['rel', 'abs'])
    .default('rel')
    .describe('`rel`: the threshold is a share of the best value. `abs`: the threshold is a difference'),
  cooldown: z.int().min(0).default(0).describe('The number of epochs after a change in which epochs without improvement are not counted'),
  minLearningRate: z.number().min(0).default(0).describe('The lowest learning rate, `min_lr` in PyTorch'),
  eps: z.number().min(0).default(1e-8).describe('Changes of the learning rate that are not larger than eps are not made'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** Returns whether a value is an improvement. NaN is not. */
function isBetter({ mode, threshold, thresholdMode }: Options, value: number, best: number | null): boolean {
  if (best === null) return !Number.isNaN(value);
  const margin = thresholdMode === 'rel' ? best * threshold : threshold;
  return mode === 'max' ? value > best + margin : value < best - margin;
}

export const reduceOnPlateau = defineScheduler({
  type: 'reduceOnPlateau',
  description: 'Multiplies the learning rate by factor when a metric has not improved for more than patience epochs',
  options,
  rate: (_options, base) => base,
  observe(options: Options, state: PlateauState, value: number): PlateauState {
    const { patience, factor, minLearningRate, eps } = options;
    const isImproved = isBetter(options, value, state.best);
    const best = isImproved ? value : state.best;
    const cooldown = Math.max(0, state.cooldown - 1);
    const badEpochs = isImproved || state.cooldown > 0 ? 0 : state.badEpochs + 1;
    if (badEpochs <= patience) return { rate: state.rate, best, badEpochs, cooldown };
    const lower = Math.max(state.rate * factor, minLearningRate);
    return { rate: state.rate - lower > eps ? lower : state.rate, best, badEpochs: 0, cooldown: options.cooldown };
  },
  metric: ({ metric }) => metric ?? 'testLoss',
  complete({ metric, mode }, { testSamples }) {
    const followed = metric ?? (testSamples > 0 ? 'testLoss' : 'trainLoss');
    return { metric: followed, mode: mode ?? (goalOf(followed) === 'maximize' ? 'max' : 'min') };
  },
  conflict({ metric }, run) {
    const message = metric === undefined ? null : metricConflict(metric, run);
    return message === null ? null : { field: 'metric', message };
  },
  pytorch: (given) => constructScheduler('lr_scheduler.ReduceLROnPlateau', options, given),
});
