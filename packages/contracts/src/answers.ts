// Response bodies with several parts: pages with a cursor, the metrics and predictions of a job, artifacts, and the dry run.
import { evaluationSchema, gradientSnapshotSchema, nonFiniteSchema, summarySchema } from '@trainyard/engine/spec';
import { z } from 'zod';
import { eventId, storedEventSchema } from './events.ts';
import { jobId, jobSchema } from './job.ts';
import { epochMetrics } from './metrics.ts';
import { storedSpec } from './spec.ts';
import { jobStatus } from './status.ts';

export const jobPage = z
  .object({
    data: z.array(jobSchema),
    nextCursor: jobId.nullable().describe('Send it as `after` to get the next page. Null on the last page.'),
  })
  .meta({ id: 'JobPage' });
export type JobPage = z.infer<typeof jobPage>;

export const eventPage = z
  .object({
    data: z.array(storedEventSchema),
    nextCursor: eventId
      .nullable()
      .describe('Send it as `after` to get the next page. Null once the job has ended and you have all events.'),
  })
  .meta({ id: 'EventPage' });
export type EventPage = z.infer<typeof eventPage>;

export const streamToken = z
  .object({
    token: z.string().describe('Send it as `?token=` with `GET /jobs/{id}/events` of this job.'),
    expiresAt: z.iso
      .datetime()
      .describe('The first connection must be made before this time. After that, the token stays valid for reconnects.'),
  })
  .meta({ id: 'StreamToken' });
export type StreamToken = z.infer<typeof streamToken>;

export const jobMetrics = z.object({ epochs: z.array(epochMetrics) }).meta({ id: 'JobMetrics' });
export type JobMetrics = z.infer<typeof jobMetrics>;

export const jobVerification = z
  .object({
    job: jobId.describe('The job that trains the spec again.'),
    status: jobStatus.describe('The status of that job.'),
    reproduced: z
      .boolean()
      .nullable()
      .describe('Whether all epochs and the weights are the same, bit for bit. Null until it is known, and if that job did not succeed.'),
    firstDifferentEpoch: z
      .int()
      .min(1)
      .nullable()
      .describe('The first epoch whose metrics differ, without its measured times. Null if there is none.'),
  })
  .meta({ id: 'JobVerification' });
export type JobVerification = z.infer<typeof jobVerification>;

export const jobComparison = z
  .object({
    jobs: z.array(
      z.object({
        id: jobId,
        name: z.string().nullable(),
        status: jobStatus,
        differences: z
          .record(z.string(), z.unknown())
          .describe('The values of this job at each JSON pointer where the specs differ; null where its spec has no value.'),
        metrics: z.array(epochMetrics),
      }),
    ),
  })
  .meta({ id: 'JobComparison' });
export type JobComparison = z.infer<typeof jobComparison>;

export const jobGradients = gradientSnapshotSchema.meta({ id: 'JobGradients' });
export const jobEvaluation = evaluationSchema.meta({ id: 'JobEvaluation' });

const weight = z.number().nullable().describe('A weight; null if it is not finite.');
export const jobFilters = z
  .object({
    layer: z.string(),
    layers: z.array(z.string()).describe('The names of all convolution layers of the model, in order.'),
    from: z.enum(['model', 'checkpoint']).describe('The source of the weights: the trained model or the last checkpoint.'),
    shape: z
      .array(z.int().min(1))
      .describe('[filters, planes, height, width]; for a transposed convolution [planes, filters, height, width].'),
    weights: z.array(z.array(z.array(z.array(weight)))),
    nonFinite: nonFiniteSchema('`weights/0/1/2/3`'),
  })
  .meta({ id: 'JobFilters' });

const batch = (of: string) =>
  z.array(z.unknown()).describe(`${of}: a nested list for each sample, with null for each number that is not finite.`);
export const prediction = z
  .object({
    outputs: batch('The outputs of the network'),
    probabilities: batch('The outputs as probabilities')
      .nullable()
      .describe("The outputs as probabilities. Null if the outputs are not probabilities under the job's loss."),
    classes: z
      .array(z.string().nullable())
      .nullable()
      .describe(
        'For each sample, the name of the class with the largest output, or null if an output is not finite. Null for data without classes.',
      ),
    classIndices: z
      .array(z.int().min(0).nullable())
      .nullable()
      .describe('For each sample, the number of the class in `classes`, from 0 in the order of the classes of the dataset.'),
    activations: z
      .array(
        z.object({
          name: z.string(),
          type: z.string(),
          shape: z.array(z.int().min(1)).describe('[samples, …]'),
          values: batch('The outputs of the layer'),
        }),
      )
      .optional()
      .describe("The outputs of each layer, in the order of the model's layers. Only with `?activations=true`."),
    unknownCategories: z
      .array(z.object({ row: z.int().min(0), column: z.string(), value: z.string() }))
      .optional()
      .describe('For `rows`: texts that do not occur in the training file. Their inputs are zeros.'),
    nonFinite: nonFiniteSchema('`outputs/0/3`, or `activations/1/values/0/3`'),
  })
  .meta({ id: 'Prediction' });

const artifact = z.object({
  name: z.string(),
  bytes: z.int().min(0),
  contentType: z.string(),
  etag: z.string().describe('The `ETag` header of the file.'),
  url: z.string().describe('The path to download the file from.'),
});
export const artifactList = z.object({ data: z.array(artifact) }).meta({ id: 'ArtifactList' });
export type ArtifactList = z.infer<typeof artifactList>;

export const dryRunAnswer = summarySchema
  .extend({ spec: storedSpec, trainPy: z.string().describe('The job as a PyTorch script.') })
  .meta({ id: 'DryRun', description: 'The job as it would be created. Nothing was queued.' });
export type DryRunAnswer = z.infer<typeof dryRunAnswer>;
