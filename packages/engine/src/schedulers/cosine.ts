// The learning rate follows a cosine (torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter 2017, without restarts).
import { z } from 'zod';
import { cos } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  tMax: z.int().min(1).describe('The number of epochs until the learning rate is etaMin'),
  etaMin: z.number().min(0).default(0).describe('The lowest learning rate'),
};

/**
 * The learning rate is etaMin + (base − etaMin) · (1 + cos(π·index/tMax)) / 2. It falls to etaMin at tMax, rises to base at 2·tMax, and so
 * on.
 */
export const cosine = defineScheduler({
  type: 'cosine',
  description: 'Lowers the learning rate to etaMin along half a cosine of tMax epochs, then raises it again in the same way',
  options,
  rate({ tMax, etaMin }, base, index) {
    // The remainder keeps the angle small, so that late epochs are as exact as early ones.
    const angle = (Math.PI * (index % (2 * tMax))) / tMax;
    return etaMin + ((base - etaMin) * (1 + cos(angle))) / 2;
  },
  pytorch: (given) => constructScheduler('lr_scheduler.CosineAnnealingLR', options, given),
});
