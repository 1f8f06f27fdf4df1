// Half cosines, one after the other, each beginning at the base rate again (Loshchilov and Hutter 2017;
// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts).
import { z } from 'zod';
import { cos } from '../math.ts';
import { constructScheduler, defineScheduler, interval } from './define.ts';

const options = {
  interval,
  t0: z.int().min(1).describe('Epochs of the first cycle'),
  tMult: z.int().min(1).default(1).describe('How many times as long each further cycle is'),
  etaMin: z.number().min(0).default(0).describe('The lowest rate'),
};

/** etaMin + (base − etaMin) · (1 + cos(π·done/length)) / 2 within each cycle; cycle n is t0 · tMultⁿ long. */
export const cosineWarmRestarts = defineScheduler({
  type: 'cosineWarmRestarts',
  description: 'Lowers the rate to etaMin along half a cosine, then starts again, each time tMult times as long',
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
