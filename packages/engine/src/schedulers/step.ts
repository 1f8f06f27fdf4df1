// The learning rate is multiplied by a factor at regular intervals (torch.optim.lr_scheduler.StepLR).
import { z } from 'zod';
import { pow } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  stepSize: z.int().min(1).describe('The number of epochs between two changes'),
  gamma: z.number().min(0).default(0.1).describe('The factor of each change'),
};

/** The learning rate is base · gamma^⌊index / stepSize⌋. */
export const step = defineScheduler({
  type: 'step',
  description: 'Multiplies the learning rate by gamma after every stepSize epochs',
  options,
  rate: ({ stepSize, gamma }, base, index) => base * pow(gamma, Math.floor(index / stepSize)),
  pytorch: (given) => constructScheduler('lr_scheduler.StepLR', options, given),
});
