// The rate falls to 0 along a power of the epochs left (torch.optim.lr_scheduler.PolynomialLR).
import { z } from 'zod';
import { pow } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  totalIters: z.int().min(1).default(5).describe('Epochs until 0 is reached'),
  power: z.number().gt(0).default(1).describe('1 is a straight line'),
};

/** base · (1 − min(index, totalIters) / totalIters)^power. */
export const polynomial = defineScheduler({
  type: 'polynomial',
  description: 'Lowers the rate to 0 within totalIters epochs, along a power of the epochs left',
  options,
  rate: ({ totalIters, power }, base, index) => base * pow(1 - Math.min(index, totalIters) / totalIters, power),
  pytorch: (given) => constructScheduler('lr_scheduler.PolynomialLR', options, given),
});
