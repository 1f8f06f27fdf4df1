// A dataset as answers show it: what a job can name in `data.dataset`, and what a network on it gets. All fields are always there.
import { uploadFormats } from '@trainyard/engine';
import { z } from 'zod';
import { problemSchema } from './problem.ts';

const sizes = z.array(z.int().min(1)).readonly();

export const takenSchema = z
  .object({
    field: z.string().describe('The form field that changes this decision.'),
    value: z.unknown().describe('What was taken.'),
    reason: z.string().describe('Why, in a sentence.'),
  })
  .meta({ id: 'Taken' });

export const datasetSchema = z
  .object({
    id: z.string().describe('What a spec calls it.'),
    source: z.enum(['builtIn', 'uploaded']).describe('Where it comes from.'),
    title: z.string(),
    description: z.string(),
    inputShape: sizes.nullable().describe("Of one sample, before transforms; null where the spec's options decide."),
    classes: z
      .array(z.string())
      .readonly()
      .nullable()
      .describe('Their names, in the order of their numbers; null where targets are values.'),
    trainSamples: z.int().min(1).nullable().describe("As published; null where the spec's options decide."),
    testSamples: z.int().min(0).nullable().describe("As published, 0 without a test part; null where the spec's options decide."),
    format: z.enum(uploadFormats).nullable().describe('As it was uploaded; null if it was not.'),
    sha256: z.string().nullable().describe('Of what it holds, as its export; null if it was not uploaded.'),
    bytes: z.int().min(0).nullable().describe('Of its export; null if it was not uploaded.'),
    createdAt: z.iso.datetime().nullable().describe('RFC 3339, UTC; null if it was not uploaded.'),
    columns: z.array(z.string()).readonly().nullable().describe('Of a table: the columns that are inputs; null otherwise.'),
    categories: z
      .record(z.string(), z.array(z.string()).readonly())
      .readonly()
      .nullable()
      .describe('Of a table: the different texts of each text column, in the order of their inputs; null otherwise.'),
    targetColumns: z.array(z.string()).readonly().nullable().describe('Of a table: the columns to learn; null otherwise.'),
    targetKind: z.enum(['class', 'value', 'labels']).nullable().describe('Of a table: what is learned; null otherwise.'),
    status: z
      .enum(['processing', 'ready', 'failed'])
      .describe('`processing` while an upload with `Prefer: respond-async` is read; `failed` if it could not be read, for an hour.'),
    progress: z
      .object({ read: z.int().min(0), total: z.int().min(0) })
      .nullable()
      .describe('Of an upload that is processing or failed: bytes read, and bytes of all files.'),
    problem: problemSchema.nullable().describe('Of a failed upload: why.'),
    taken: z.array(takenSchema).readonly().describe('What was decided about the upload because the form did not say it.'),
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.infer<typeof datasetSchema>;

export const datasetList = z
  .object({
    data: z.array(datasetSchema),
    nextCursor: z.string().nullable().describe('Pass it as `after` for the next page; null on the last.'),
  })
  .meta({ id: 'DatasetList' });
export type DatasetList = z.infer<typeof datasetList>;

export const datasetParts = z.enum(['train', 'test']);

export const datasetSamples = z
  .object({
    inputType: z.enum(['uint8', 'float32']).describe('Pixels, which a network gets as x / 255, or values.'),
    inputShape: sizes,
    data: z.array(
      z.object({
        index: z.int().min(0).describe('Its place in its part.'),
        input: z.array(z.unknown()).describe('Numbers, nested as `inputShape` says.'),
        class: z.string().nullable().describe('Its name; null where targets are values.'),
        target: z.union([z.int(), z.array(z.unknown())]).describe('The number of its class, or its values, nested as their shape says.'),
      }),
    ),
  })
  .meta({ id: 'DatasetSamples' });
export type DatasetSamples = z.infer<typeof datasetSamples>;
