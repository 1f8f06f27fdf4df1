// A job as every answer shows it. All fields are always there; null says "not (yet)".
import { trainingSummarySchema } from '@trainyard/engine';
import { z } from 'zod';
import { epochMetrics } from './metrics.ts';
import { storedSpec } from './spec.ts';
import { jobPhase, jobStatus } from './status.ts';
import { jobWebhook } from './webhook.ts';

/** `job_` and a ULID: opaque to clients, and sorted by creation. */
export const jobId = z
  .string()
  .regex(/^job_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a job, such as job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')
  .meta({ id: 'JobId', examples: ['job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'] });

const time = z.iso.datetime().describe('RFC 3339, UTC');

export const jobProgress = z
  .object({
    epoch: z.int().min(0).describe('The epoch last reported on; 0 before the first step.'),
    epochs: z.int().min(1),
    step: z.int().min(0).describe('The step of that epoch last reported on.'),
    stepsPerEpoch: z.int().min(0).describe('0 until the data is loaded.'),
    etaSeconds: z.number().min(0).nullable(),
  })
  .meta({ id: 'JobProgress' });
export type JobProgress = z.infer<typeof jobProgress>;

export const jobResult = trainingSummarySchema.meta({ id: 'JobResult' });
export type JobResult = z.infer<typeof jobResult>;

export const jobError = z
  .object({
    code: z.string().describe('Stable, camelCase; for programs.'),
    message: z.string().describe('What happened and what to try; for people.'),
    epoch: z.int().nullable(),
    step: z.int().nullable(),
  })
  .meta({ id: 'JobError' });
export type JobError = z.infer<typeof jobError>;

/** How far a run had come when it was kept. */
export const checkpointPosition = z.object({
  epoch: z.int().min(0).describe('Epochs done.'),
  step: z.int().min(0).describe('Steps done of the epoch after those.'),
});

export const jobCheckpoint = checkpointPosition
  .extend({ bytes: z.int().min(1).describe('Of the file'), createdAt: time })
  .meta({ id: 'JobCheckpoint', description: 'Where a retry, a resume or a fork goes on.' });
export type JobCheckpoint = z.infer<typeof jobCheckpoint>;

export const jobSchema = z
  .object({
    id: jobId,
    name: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    status: jobStatus,
    phase: jobPhase.nullable(),
    queuePosition: z
      .int()
      .min(1)
      .nullable()
      .describe(
        'How many waiting jobs start before it, plus 1: keys take turns, and priority orders the jobs of a key. Exact where one job runs at a time; with more places, a key with fewer running jobs goes first. Null unless queued.',
      ),
    spec: storedSpec,
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    attempts: z.int().min(0).describe('How many times a worker has taken the job.'),
    progress: jobProgress,
    checkpoint: jobCheckpoint.nullable().describe('The last one; null while there is none.'),
    latest: epochMetrics.nullable().describe('The metrics of the last epoch.'),
    result: jobResult.nullable(),
    error: jobError.nullable(),
    retryOf: jobId.nullable().describe('The failed or cancelled job that it is the retry of.'),
    forkOf: jobId.nullable().describe('The job whose checkpoint it began with.'),
    sweep: z.string().nullable().describe('The sweep that it is a job of.'),
    webhook: jobWebhook.nullable().describe('null for a job without one.'),
    worker: z.string().nullable().describe('The worker that has it, or had it last.'),
  })
  .meta({ id: 'Job' });
export type Job = z.infer<typeof jobSchema>;
