// The learning rate rises once to `maxLearningRate` and then falls below its first value. The momentum falls while the learning rate
// rises, and rises while it falls (Smith and Topin 2018; torch.optim.lr_scheduler.OneCycleLR). The optimizer's own learning rate and
// momentum are not used.
import { z } from 'zod';
import { cos } from '../math.ts';
import { constructScheduler, defineScheduler } from './define.ts';

const options = {
  interval: z.enum(['epoch', 'step']).default('step').describe('Whether the scheduler counts steps or epochs'),
  maxLearningRate: z.number().gt(0).describe('The highest learning rate, `max_lr` in PyTorch'),
  totalSteps: z.int().min(2).optional().describe('The number of steps of the whole cycle. Default: the steps of the run'),
  pctStart: z.number().min(0).max(1).default(0.3).describe('The share of the cycle in which the learning rate rises'),
  annealStrategy: z
    .enum(['cos', 'linear'])
    .default('cos')
    .describe('How the learning rate changes: along half a cosine or a straight line'),
  cycleMomentum: z
    .boolean()
    .optional()
    .describe("Whether the momentum, or Adam's first beta, changes too. Default: true if the optimizer has one of them"),
  baseMomentum: z.number().min(0).lt(1).default(0.85).describe('The momentum at the highest learning rate'),
  maxMomentum: z.number().min(0).lt(1).default(0.95).describe('The momentum at the lowest learning rates'),
  divFactor: z.number().gt(0).default(25).describe('The first learning rate is maxLearningRate divided by divFactor'),
  finalDivFactor: z.number().gt(0).default(1e4).describe('The last learning rate is the first one divided by finalDivFactor'),
  threePhase: z
    .boolean()
    .default(false)
    .describe('Whether the learning rate first falls to its first value, in as many steps as it rose, and then to its last value'),
};
type Options = z.output<z.ZodObject<typeof options>>;

/** One phase of the cycle. It changes the value from one level to the next, and ends at step `end`. */
interface Phase<Level> {
  readonly end: number;
  readonly from: Level;
  readonly to: Level;
}

/** Divides the cycle into phases as PyTorch does. A phase may end at a fraction of a step. */
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
  description:
    'Raises the learning rate to maxLearningRate and then lowers it far below its first value, once in a run. The momentum changes in the opposite direction',
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
        message: `the cycle has ${totalSteps} steps, but the run takes ${needed}: remove totalSteps, or use ${needed}`,
      };
    }
    if (cycleMomentum === true && !takesMomentum) {
      return { field: 'cycleMomentum', message: 'this optimizer has no momentum to change: use false, or remove cycleMomentum' };
    }
    return null;
  },
  pytorch: (given) => constructScheduler('lr_scheduler.OneCycleLR', options, given),
});
