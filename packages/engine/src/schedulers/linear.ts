// The rate goes along a straight line to its end (torch.optim.lr_scheduler.LinearLR): a warm-up, most often.
import { z } from 'zod';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const factor = z.number().min(0).max(1);

const options = {
  interval,
  startFactor: factor
    .gt(0)
    .default(1 / 3)
    .describe('Share of the base rate in the first epoch'),
  endFactor: factor.default(1).describe('Share of the base rate at the end'),
  totalIters: z.int().min(1).default(5).describe('Epochs until endFactor is reached'),
};

/** base · (startFactor + (endFactor − startFactor) · min(index, totalIters) / totalIters). */
export const linear = defineScheduler({
  type: 'linear',
  description: 'Moves the rate evenly from startFactor to endFactor of itself within totalIters epochs',
  options,
  rate: ({ startFactor, endFactor, totalIters }, base, index) =>
    base * (startFactor + ((endFactor - startFactor) * Math.min(index, totalIters)) / totalIters),
  pytorch: (given) => constructScheduler('lr_scheduler.LinearLR', options, given),
});
