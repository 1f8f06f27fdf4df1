// The learning rate is multiplied by a factor after given epochs (torch.optim.lr_scheduler.MultiStepLR).
import { z } from 'zod';
import { pow } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  milestones: z.array(z.int().min(1)).min(1).describe('The epochs after which the learning rate changes'),
  gamma: z.number().min(0).default(0.1).describe('The factor of each change'),
};

/** The learning rate is base · gamma^(number of reached milestones). A milestone that is given twice counts twice, as in PyTorch. */
export const multiStep = defineScheduler({
  type: 'multiStep',
  description: 'Multiplies the learning rate by gamma at each milestone',
  options,
  rate: ({ milestones, gamma }, base, index) => base * pow(gamma, milestones.filter((milestone) => milestone <= index).length),
  pytorch: (given) => constructScheduler('lr_scheduler.MultiStepLR', options, given),
});
