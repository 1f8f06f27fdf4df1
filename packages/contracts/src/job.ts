// A job in responses. All fields are always present; null means none, or none yet.
import { jobSpecSchema, trainingSummarySchema } from '@trainyard/engine/spec';
import { z } from 'zod';
import { epochMetrics } from './metrics.ts';
import { storedSpec } from './spec.ts';
import { jobPhase, jobStatus } from './status.ts';
import { jobWebhook } from './webhook.ts';

/** `job_` and a ULID. Ids sort by the time of creation. Clients should not parse them. */
export const jobId = z
  .string()
  .regex(/^job_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of a job, such as job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')
  .meta({ id: 'JobId', examples: ['job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'] });

const time = z.iso.datetime().describe('RFC 3339, UTC');

export const jobProgress = z
  .object({
    epoch: z.int().min(0).describe('The last reported epoch; 0 before the first step.'),
    epochs: z.int().min(1),
    step: z.int().min(0).describe('The last reported step of that epoch.'),
    stepsPerEpoch: z.int().min(0).describe('0 until the data is loaded.'),
    etaSeconds: z.number().min(0).nullable().describe('The estimated remaining time, in seconds; null if it is not known.'),
  })
  .meta({ id: 'JobProgress' });
export type JobProgress = z.infer<typeof jobProgress>;

export const jobResult = trainingSummarySchema.meta({ id: 'JobResult' });
export type JobResult = z.infer<typeof jobResult>;

export const jobError = z
  .object({
    code: z.string().describe('A stable code in camelCase, for programs.'),
    message: z.string().describe('A text for people: what happened and what to try.'),
    epoch: z.int().nullable(),
    step: z.int().nullable(),
  })
  .meta({ id: 'JobError' });
export type JobError = z.infer<typeof jobError>;

/** The progress of the training at the time of a checkpoint. */
export const checkpointPosition = z.object({
  epoch: z.int().min(0).describe('The number of finished epochs.'),
  step: z.int().min(0).describe('The number of finished steps of the next epoch.'),
});

export const jobCheckpoint = checkpointPosition
  .extend({ bytes: z.int().min(1).describe('The size of the checkpoint file.'), createdAt: time })
  .meta({ id: 'JobCheckpoint', description: 'The point from which a retry, a resume or a fork continues.' });
export type JobCheckpoint = z.infer<typeof jobCheckpoint>;

export const jobSchema = z
  .object({
    id: jobId,
    name: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    notes: z.string().nullable().describe('Notes of people, in Markdown; null if there are none.'),
    status: jobStatus,
    phase: jobPhase.nullable(),
    queuePosition: z
      .int()
      .min(1)
      .nullable()
      .describe(
        '1 plus the number of waiting jobs that start before this one. API keys take turns, and `priority` orders the jobs of one key. Exact if one job runs at a time. If several jobs run at a time, a key with fewer running jobs goes first. Null unless queued.',
      ),
    spec: storedSpec,
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    attempts: z.int().min(0).describe('How many times a worker has taken the job.'),
    progress: jobProgress,
    checkpoint: jobCheckpoint.nullable().describe('The last checkpoint; null if there is none yet.'),
    latest: epochMetrics.nullable().describe('The metrics of the last epoch; null before the first.'),
    result: jobResult.nullable(),
    error: jobError.nullable(),
    retryOf: jobId.nullable().describe('The failed or cancelled job that this job retries.'),
    forkOf: jobId.nullable().describe('The job from whose checkpoint this job started.'),
    verifies: jobId.nullable().describe('The job that this job trains again, to compare the results.'),
    sweep: z.string().nullable().describe('The id of the sweep that created this job.'),
    webhook: jobWebhook.nullable().describe('null if the job has no webhook.'),
    worker: z.string().nullable().describe('The worker that runs the job, or ran it last.'),
  })
  .meta({ id: 'Job' });
export type Job = z.infer<typeof jobSchema>;

/** The body of `PATCH /jobs/{id}`. */
export const jobChange = z
  .strictObject({
    name: jobSpecSchema.shape.name.unwrap().nullable().optional().describe('The new name; null removes the name.'),
    labels: jobSpecSchema.shape.labels.unwrap().optional().describe('The new labels. They replace all labels of the job.'),
    notes: z.string().min(1).max(10_240).nullable().optional().describe('The new notes, in Markdown; null removes the notes.'),
  })
  .refine((change) => Object.keys(change).length > 0, 'needs at least one of name, labels and notes')
  .meta({ id: 'JobChange' });
export type JobChange = z.infer<typeof jobChange>;
