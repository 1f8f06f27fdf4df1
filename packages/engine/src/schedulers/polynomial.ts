// The learning rate falls to 0 along a power of the remaining epochs (torch.optim.lr_scheduler.PolynomialLR).
import { z } from 'zod';
import { pow } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  totalIters: z.int().min(1).default(5).describe('The number of epochs until the learning rate is 0'),
  power: z.number().gt(0).default(1).describe('The exponent. With 1 the learning rate falls linearly'),
};

/** The learning rate is base · (1 − min(index, totalIters) / totalIters)^power. */
export const polynomial = defineScheduler({
  type: 'polynomial',
  description: 'Lowers the learning rate to 0 in totalIters epochs, along a power of the remaining epochs',
  options,
  rate: ({ totalIters, power }, base, index) => base * pow(1 - Math.min(index, totalIters) / totalIters, power),
  pytorch: (given) => constructScheduler('lr_scheduler.PolynomialLR', options, given),
});
