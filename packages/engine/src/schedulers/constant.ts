// The learning rate is multiplied by a factor in the first `totalIters` epochs (torch.optim.lr_scheduler.ConstantLR).
import { z } from 'zod';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  factor: z
    .number()
    .min(0)
    .max(1)
    .default(1 / 3)
    .describe('The factor of the learning rate in the first epochs'),
  totalIters: z.int().min(0).default(5).describe('The number of epochs with this factor'),
};

/** The learning rate is base · factor before totalIters, then base. */
export const constant = defineScheduler({
  type: 'constant',
  description: 'Multiplies the learning rate by factor in the first totalIters epochs',
  options,
  rate: ({ factor, totalIters }, base, index) => (index < totalIters ? base * factor : base),
  pytorch: (given) => constructScheduler('lr_scheduler.ConstantLR', options, given),
});
