// A sweep: a set of ordinary jobs from one spec, and their ranking. The space lists the fields of the spec in which the jobs differ.
import { metricName, newJobSchema, nonFiniteName } from '@trainyard/engine/spec';
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
const choice = z.strictObject({ type: z.literal('choice'), values: z.array(z.unknown()).min(1).max(1_000).describe('Any JSON values.') });
const int = z.strictObject({ type: z.literal('int'), min: z.int(), max: z.int() });
const uniform = z.strictObject({ type: z.literal('uniform'), ...bounds });
const logUniform = z.strictObject({ type: z.literal('logUniform'), min: z.number().gt(0), max: z.number().gt(0) });

export const sweepRange = z.discriminatedUnion('type', [choice, int, uniform, logUniform]);
export type SweepRange = z.infer<typeof sweepRange>;

export const sweepSpace = z
  .record(z.string(), sweepRange)
  .refine((space) => Object.keys(space).length > 0, 'must name at least one field of the spec')
  .refine((space) => Object.keys(space).length <= 32, 'may name at most 32 fields of the spec')
  .describe('The fields in which the jobs differ: JSON pointers into the spec, each with the values of that field.')
  // Only for the OpenAPI document. Pointers are checked later together with the spec, which gives better error messages.
  .meta({ propertyNames: { type: 'string', pattern: '^/' }, minProperties: 1, maxProperties: 32 });
export type SweepSpace = z.infer<typeof sweepSpace>;

export const sweepStrategy = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('grid') }).describe('Every combination of choices and ints. The last field varies fastest.'),
  z.strictObject({ type: z.literal('random') }).describe('`maxJobs` random draws from the space.'),
  z
    .strictObject({
      type: z.literal('halving'),
      minEpochs: z.int().min(1).default(1).describe('The number of epochs of the first rung.'),
      factor: z
        .int()
        .min(2)
        .max(10)
        .default(3)
        .describe('After each rung, the best 1/`factor` of its jobs continue, with `factor` times as many epochs.'),
    })
    .describe(
      'Successive halving: `maxJobs` random draws are trained for a few epochs. The best continue from their checkpoints, rung by rung, up to the epochs of the spec.',
    ),
]);
export type SweepStrategy = z.infer<typeof sweepStrategy>;

export const sweepGoal = z.enum(['minimize', 'maximize']);
export type SweepGoal = z.infer<typeof sweepGoal>;

const naming = newJobSchema.shape;

export const newSweep = z.strictObject({
  name: naming.name,
  labels: naming.labels.describe('Your own keys and values for the sweep. The jobs get the labels of `spec`.'),
  spec: z.record(z.string(), z.unknown()).describe('The common job spec, as for `POST /jobs`, without a webhook.'),
  space: sweepSpace,
  strategy: sweepStrategy,
  metric: metricName.default('trainLoss').describe('The metric of the last epoch that ranks the jobs.'),
  goal: sweepGoal.optional().describe('If omitted, it follows from the metric: losses and errors are minimized, all others are maximized.'),
  maxJobs: z.int().min(1).max(500).default(20).describe('The number of jobs to draw. For a grid, its maximum number of jobs.'),
  seed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .optional()
    .describe('The seed for draws from the space. If omitted, the service chooses one and returns it.'),
});
export type NewSweep = z.infer<typeof newSweep>;

export const sweepStatus = z.enum(['running', 'cancelling', 'succeeded', 'failed', 'cancelled']).meta({
  id: 'SweepStatus',
  description: 'succeeded: all jobs have ended and at least one succeeded. failed: all jobs have ended and none succeeded.',
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
    spec: storedSpec.describe('The common job spec, without the values of the space.'),
    space: sweepSpace,
    strategy: sweepStrategy,
    metric: metricName,
    goal: sweepGoal,
    seed: z.int(),
  })
  .meta({ id: 'SweepSummary' });
export type SweepSummary = z.infer<typeof sweepSchema>;

export const sweepTrial = z
  .object({
    rank: z.int().min(1),
    job: jobId,
    rung: z.int().min(0).describe('The rung of successive halving; always 0 for other strategies.'),
    epochs: z.int().min(1).describe('The number of epochs of the job.'),
    epoch: z.int().min(0).describe('The last finished epoch.'),
    values: z.record(z.string(), z.unknown()).describe('The values of the job for the fields of the space.'),
    status: jobStatus,
    value: z.number().nullable().describe('The metric of the last finished epoch; null if there is none or it is not finite.'),
    nonFinite: z.object({ value: nonFiniteName }).optional().describe('The metric if it was not finite.'),
  })
  .meta({ id: 'SweepTrial' });
export type SweepTrial = z.infer<typeof sweepTrial>;

export const sweepDetail = sweepSchema
  .extend({
    planned: z.int().min(0).describe('The number of jobs in the rungs that have begun.'),
    trials: z.array(sweepTrial).describe('The jobs, best first. Jobs of a higher rung and jobs with a value come first.'),
  })
  .meta({ id: 'Sweep' });
export type Sweep = z.infer<typeof sweepDetail>;

export const sweepPage = z
  .object({
    data: z.array(sweepSchema),
    nextCursor: sweepId.nullable().describe('Send it as `after` to get the next page. Null on the last page.'),
  })
  .meta({ id: 'SweepPage' });
export type SweepPage = z.infer<typeof sweepPage>;
