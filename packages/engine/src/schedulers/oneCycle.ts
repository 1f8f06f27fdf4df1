// One rise to a high rate and one long fall, the momentum going the other way (Smith and Topin 2018;
// torch.optim.lr_scheduler.OneCycleLR). The optimizer's own rate and momentum play no part.
import { z } from 'zod';
import { cos } from '../math.ts';
import { constructScheduler, defineScheduler } from './define.ts';

const options = {
  interval: z.enum(['epoch', 'step']).default('step').describe('What is counted: single steps, or epochs'),
  maxLearningRate: z.number().gt(0).describe('The highest rate; PyTorch calls it max_lr'),
  totalSteps: z.int().min(2).optional().describe('Steps of the whole cycle; those of the run if left out'),
  pctStart: z.number().min(0).max(1).default(0.3).describe('Share of the cycle in which the rate rises'),
  annealStrategy: z.enum(['cos', 'linear']).default('cos').describe('How rates go from one to the next: along half a cosine or a line'),
  cycleMomentum: z
    .boolean()
    .optional()
    .describe("Sets the momentum too, or Adam's first beta; if left out, wherever the optimizer has one"),
  baseMomentum: z.number().min(0).lt(1).default(0.85).describe('Momentum at the highest rate'),
  maxMomentum: z.number().min(0).lt(1).default(0.95).describe('Momentum at the lowest rates'),
  divFactor: z.number().gt(0).default(25).describe('The first rate is maxLearningRate over this'),
  finalDivFactor: z.number().gt(0).default(1e4).describe('The last rate is the first one over this'),
  threePhase: z.boolean().default(false).describe('Falls as long as it rose, then further to the last rate'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** One stretch of the cycle: it ends at step `end`, going from one level to the next. */
interface Phase<Level> {
  readonly end: number;
  readonly from: Level;
  readonly to: Level;
}

/** As PyTorch cuts the cycle: ends may be fractions of a step. */
function phases<Level>({ pctStart, threePhase }: Options, totalSteps: number, low: Level, high: Level, last: Level): Phase<Level>[] {
  const rise: Phase<Level> = { end: pctStart * totalSteps - 1, from: low, to: high };
  if (!threePhase) return [rise, { end: totalSteps - 1, from: high, to: last }];
  return [rise, { end: 2 * pctStart * totalSteps - 2, from: high, to: low }, { end: totalSteps - 1, from: low, to: last }];
}

function levelAt({ annealStrategy }: Options, stretches: readonly Phase<number>[], index: number): number {
  const current = stretches.findIndex(({ end }) => index <= end);
  const { end, from, to } = stretches.at(current) ?? stretches[0];
  if (current === -1) return to;
  const start = current === 0 ? 0 : stretches[current - 1].end;
  const share = (index - start) / (end - start);
  return annealStrategy === 'cos' ? to + ((from - to) / 2) * (1 + cos(Math.PI * share)) : from + (to - from) * share;
}

export const oneCycle = defineScheduler({
  type: 'oneCycle',
  description: 'Raises the rate to maxLearningRate and lowers it far below its start, once in a run, with the momentum going the other way',
  options,
  rate(options, base, index) {
    const { totalSteps, maxLearningRate, divFactor, finalDivFactor } = options;
    if (totalSteps === undefined) return base;
    const first = maxLearningRate / divFactor;
    return levelAt(options, phases(options, totalSteps, first, maxLearningRate, first / finalDivFactor), index);
  },
  momentum(options, index) {
    const { totalSteps, cycleMomentum, baseMomentum, maxMomentum } = options;
    if (totalSteps === undefined || cycleMomentum !== true) return null;
    return levelAt(options, phases(options, totalSteps, maxMomentum, baseMomentum, maxMomentum), index);
  },
  complete: ({ interval, totalSteps, cycleMomentum }, { epochs, stepsPerEpoch, takesMomentum }) => ({
    totalSteps: totalSteps ?? Math.max(2, interval === 'step' ? epochs * stepsPerEpoch : epochs),
    cycleMomentum: cycleMomentum ?? takesMomentum,
  }),
  conflict({ interval, totalSteps, cycleMomentum }, { epochs, stepsPerEpoch, takesMomentum }) {
    const needed = interval === 'step' ? epochs * stepsPerEpoch : epochs;
    if (totalSteps !== undefined && totalSteps < needed) {
      return {
        field: 'totalSteps',
        message: `the cycle has ${totalSteps} steps, but the run takes ${needed}: leave it out, or use ${needed}`,
      };
    }
    if (cycleMomentum === true && !takesMomentum) {
      return { field: 'cycleMomentum', message: 'this optimizer has no momentum to cycle: use false, or leave it out' };
    }
    return null;
  },
  pytorch: (given) => constructScheduler('lr_scheduler.OneCycleLR', options, given),
});
