// The rate falls when a metric has stopped getting better (torch.optim.lr_scheduler.ReduceLROnPlateau).
import { z } from 'zod';
import { constructScheduler, defineScheduler, followedMetrics, type PlateauState } from './define.ts';

const options = {
  interval: z.literal('epoch').default('epoch').describe('What is counted: epochs, for a metric is known at their end'),
  metric: z.enum(followedMetrics).optional().describe('What is followed; testLoss if left out, or trainLoss without a test set'),
  mode: z.enum(['min', 'max']).optional().describe('Whether less or more is better; if left out, more for testAccuracy, else less'),
  factor: z.number().gt(0).lt(1).default(0.1).describe('Factor of each change'),
  patience: z.int().min(0).default(10).describe('Epochs without improvement that are let pass'),
  threshold: z.number().min(0).default(1e-4).describe('What counts as an improvement'),
  thresholdMode: z.enum(['rel', 'abs']).default('rel').describe('Whether the threshold is a share of the best value or a difference'),
  cooldown: z.int().min(0).default(0).describe('Epochs after a change in which nothing is counted'),
  minLearningRate: z.number().min(0).default(0).describe('The lowest rate; PyTorch calls it min_lr'),
  eps: z.number().min(0).default(1e-8).describe('Smaller changes of the rate are not made'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** A NaN is no improvement. */
function isBetter({ mode, threshold, thresholdMode }: Options, value: number, best: number | null): boolean {
  if (best === null) return !Number.isNaN(value);
  const margin = thresholdMode === 'rel' ? best * threshold : threshold;
  return mode === 'max' ? value > best + margin : value < best - margin;
}

export const reduceOnPlateau = defineScheduler({
  type: 'reduceOnPlateau',
  description: 'Multiplies the rate by factor when a metric has not improved for more than patience epochs',
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
  complete({ metric, mode }, { hasTestData }) {
    const followed = metric ?? (hasTestData ? 'testLoss' : 'trainLoss');
    return { metric: followed, mode: mode ?? (followed === 'testAccuracy' ? 'max' : 'min') };
  },
  conflict({ metric }, { hasTestData, hasClasses }) {
    if (metric !== undefined && metric !== 'trainLoss' && !hasTestData) {
      return { field: 'metric', message: `there is no ${metric}, for the data has no test set: use trainLoss` };
    }
    if (metric === 'testAccuracy' && !hasClasses) {
      return { field: 'metric', message: "there is no testAccuracy, for the data's targets are no classes: use testLoss" };
    }
    return null;
  },
  pytorch: (given) => constructScheduler('lr_scheduler.ReduceLROnPlateau', options, given),
});
