// The rate is a share of itself at first, then the whole (torch.optim.lr_scheduler.ConstantLR).
import { z } from 'zod';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  factor: z
    .number()
    .min(0)
    .max(1)
    .default(1 / 3)
    .describe('Share of the base rate at first'),
  totalIters: z.int().min(0).default(5).describe('Epochs with that share'),
};

/** base · factor before totalIters, then base. */
export const constant = defineScheduler({
  type: 'constant',
  description: 'Multiplies the rate by factor for the first totalIters epochs',
  options,
  rate: ({ factor, totalIters }, base, index) => (index < totalIters ? base * factor : base),
  pytorch: (given) => constructScheduler('lr_scheduler.ConstantLR', options, given),
});
