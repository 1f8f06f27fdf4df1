// The learning rate follows a sequence of half cosines. Each of them starts at the base learning rate (Loshchilov and Hutter 2017;
// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts).
import { z } from 'zod';
import { cos } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  t0: z.int().min(1).describe('The number of epochs in the first cycle'),
  tMult: z.int().min(1).default(1).describe('The length of each further cycle, as a multiple of the cycle before'),
  etaMin: z.number().min(0).default(0).describe('The lowest learning rate'),
};

/** In each cycle, the learning rate is etaMin + (base − etaMin) · (1 + cos(π·done/length)) / 2. Cycle n has the length t0 · tMultⁿ. */
export const cosineWarmRestarts = defineScheduler({
  type: 'cosineWarmRestarts',
  description: 'Lowers the learning rate to etaMin along half a cosine, then restarts with a cycle that is tMult times as long',
  options,
  rate({ t0, tMult, etaMin }, base, index) {
    let done = tMult === 1 ? index % t0 : index;
    let length = t0;
    while (done >= length) {
      done -= length;
      length *= tMult;
    }
    return etaMin + ((base - etaMin) * (1 + cos((Math.PI * done) / length))) / 2;
  },
  pytorch: (given) => constructScheduler('lr_scheduler.CosineAnnealingWarmRestarts', options, given),
});
