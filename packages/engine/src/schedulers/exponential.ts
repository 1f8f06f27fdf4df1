// The learning rate is multiplied by the same factor after each epoch (torch.optim.lr_scheduler.ExponentialLR).
import { z } from 'zod';
import { pow } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = { interval, gamma: z.number().min(0).describe('The factor of each change') };

/** The learning rate is base · gamma^index. */
export const exponential = defineScheduler({
  type: 'exponential',
  description: 'Multiplies the learning rate by gamma after every epoch',
  options,
  rate: ({ gamma }, base, index) => base * pow(gamma, index),
  pytorch: (given) => constructScheduler('lr_scheduler.ExponentialLR', options, given),
});
