// A sweep: many jobs of one spec that differ in the places that a space names, and their ranking. Its jobs are ordinary jobs.
import { newJobSchema, nonFiniteName } from '@trainyard/engine';
import { z } from 'zod';
import { jobId } from './job.ts';
import { storedSpec } from './spec.ts';
import { jobStatus } from './status.ts';

export const sweepId = z
  .string()
  .regex(/^sweep_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a sweep, such as sweep_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')
  .meta({ id: 'SweepId', examples: ['sweep_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'] });

const time = z.iso.datetime().describe('RFC 3339, UTC');

const bounds = { min: z.number(), max: z.number() };
const choice = z.strictObject({ type: z.literal('choice'), values: z.array(z.unknown()).min(1).max(1_000).describe('Any JSON.') });
const int = z.strictObject({ type: z.literal('int'), min: z.int(), max: z.int() });
const uniform = z.strictObject({ type: z.literal('uniform'), ...bounds });
const logUniform = z.strictObject({ type: z.literal('logUniform'), min: z.number().gt(0), max: z.number().gt(0) });

export const sweepRange = z.discriminatedUnion('type', [choice, int, uniform, logUniform]);
export type SweepRange = z.infer<typeof sweepRange>;

export const sweepSpace = z
  .record(z.string(), sweepRange)
  .refine((space) => Object.keys(space).length > 0, 'must name at least one place of the spec')
  .refine((space) => Object.keys(space).length <= 32, 'may name at most 32 places of the spec')
  .describe('What the jobs differ in: JSON pointers into the spec, and the values that each place takes.')
  // For the document alone: that a place leads somewhere can only be said of a spec, and there all of it is said.
  .meta({ propertyNames: { type: 'string', pattern: '^/' }, minProperties: 1, maxProperties: 32 });
export type SweepSpace = z.infer<typeof sweepSpace>;

export const sweepStrategy = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('grid') }).describe('Every combination of choices and ints; the last place varies fastest.'),
  z.strictObject({ type: z.literal('random') }).describe('`maxJobs` draws.'),
  z
    .strictObject({
      type: z.literal('halving'),
      minEpochs: z.int().min(1).default(1).describe('Epochs of the first rung.'),
      factor: z.int().min(2).max(10).default(3).describe('Of a rung one in this many goes on, to as many times the epochs.'),
    })
    .describe('`maxJobs` draws on a few epochs; the best go on from their checkpoints, rung by rung, up to the epochs of the spec.'),
]);
export type SweepStrategy = z.infer<typeof sweepStrategy>;

export const sweepMetric = z.enum(['trainLoss', 'testLoss', 'testAccuracy']);
export type SweepMetric = z.infer<typeof sweepMetric>;
export const sweepGoal = z.enum(['minimize', 'maximize']);
export type SweepGoal = z.infer<typeof sweepGoal>;

const naming = newJobSchema.shape;

export const newSweep = z.strictObject({
  name: naming.name,
  labels: naming.labels.describe("Your own keys and values; the jobs' are the spec's."),
  spec: z.record(z.string(), z.unknown()).describe('A job spec, as for `POST /jobs`, without a webhook: what the jobs have in common.'),
  space: sweepSpace,
  strategy: sweepStrategy,
  metric: sweepMetric.default('trainLoss').describe('What the jobs are ranked by: that of their last epoch.'),
  goal: sweepGoal.optional().describe('Left out, accuracies are maximized and losses minimized.'),
  maxJobs: z.int().min(1).max(500).default(20).describe('Jobs to draw; of a grid, the most that it may have.'),
  seed: z.int().min(0).max(4_294_967_295).optional().describe('Decides what is drawn from the space; drawn and returned when left out.'),
});
export type NewSweep = z.infer<typeof newSweep>;

export const sweepStatus = z.enum(['running', 'cancelling', 'succeeded', 'failed', 'cancelled']).meta({
  id: 'SweepStatus',
  description: 'succeeded: all of its jobs have ended, and at least one succeeded; failed: none did.',
});
export type SweepStatus = z.infer<typeof sweepStatus>;

export const sweepSchema = z
  .object({
    id: sweepId,
    name: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    status: sweepStatus,
    createdAt: time,
    finishedAt: time.nullable(),
    spec: storedSpec.describe('Before the values of the space are put in.'),
    space: sweepSpace,
    strategy: sweepStrategy,
    metric: sweepMetric,
    goal: sweepGoal,
    seed: z.int(),
  })
  .meta({ id: 'SweepSummary' });
export type SweepSummary = z.infer<typeof sweepSchema>;

export const sweepTrial = z
  .object({
    rank: z.int().min(1),
    job: jobId,
    rung: z.int().min(0).describe('0, but for successive halving.'),
    epochs: z.int().min(1).describe("The job's."),
    epoch: z.int().min(0).describe('The last that is done.'),
    values: z.record(z.string(), z.unknown()).describe('What the job has where the space points to.'),
    status: jobStatus,
    value: z.number().nullable().describe('The metric of its last epoch.'),
    nonFinite: z.object({ value: nonFiniteName }).optional().describe('Which number the metric was, where it was not finite.'),
  })
  .meta({ id: 'SweepTrial' });
export type SweepTrial = z.infer<typeof sweepTrial>;

export const sweepDetail = sweepSchema
  .extend({
    planned: z.int().min(0).describe('Jobs of the rungs that have begun.'),
    trials: z.array(sweepTrial).describe('The jobs, best first: a higher rung before a lower one, a value before none.'),
  })
  .meta({ id: 'Sweep' });
export type Sweep = z.infer<typeof sweepDetail>;

export const sweepPage = z
  .object({ data: z.array(sweepSchema), nextCursor: sweepId.nullable().describe('Pass as `after` for the next page.') })
  .meta({ id: 'SweepPage' });
export type SweepPage = z.infer<typeof sweepPage>;
