// The factor of the learning rate changes linearly (torch.optim.lr_scheduler.LinearLR). It is mostly used as a warm-up.
import { z } from 'zod';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const factor = z.number().min(0).max(1);

const options = {
  interval,
  startFactor: factor
    .gt(0)
    .default(1 / 3)
    .describe('The factor of the learning rate in the first epoch'),
  endFactor: factor.default(1).describe('The factor of the learning rate at the end'),
  totalIters: z.int().min(1).default(5).describe('The number of epochs until endFactor is reached'),
};

/** The learning rate is base · (startFactor + (endFactor − startFactor) · min(index, totalIters) / totalIters). */
export const linear = defineScheduler({
  type: 'linear',
  description: 'Multiplies the learning rate by a factor that changes linearly from startFactor to endFactor in totalIters epochs',
  options,
  rate: ({ startFactor, endFactor, totalIters }, base, index) =>
    base * (startFactor + ((endFactor - startFactor) * Math.min(index, totalIters)) / totalIters),
  pytorch: (given) => constructScheduler('lr_scheduler.LinearLR', options, given),
});
