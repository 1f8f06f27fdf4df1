// A dataset in responses. A job names it in `data.dataset`. All fields are always present; null means not applicable or not known yet.
import { datasetStatistics, imagePreparation, uploadFormats } from '@trainyard/engine/data';
import { z } from 'zod';
import { problemSchema } from './problem.ts';

const sizes = z.array(z.int().min(1)).readonly();

export const chosenSettingSchema = z
  .object({
    field: z.string().describe('The form field that changes this decision.'),
    value: z.unknown().describe('The value that was chosen.'),
    reason: z.string().describe('The reason for the choice, in a sentence.'),
  })
  .meta({ id: 'Taken' });

export const datasetSchema = z
  .object({
    id: z.string().describe('The id that a job spec uses as `data.dataset`.'),
    source: z.enum(['builtIn', 'uploaded']).describe('Whether the dataset is built in or was uploaded.'),
    title: z.string(),
    description: z.string(),
    inputShape: sizes.nullable().describe('The shape of one sample before transforms; null if it depends on the options in the spec.'),
    classes: z
      .array(z.string())
      .readonly()
      .nullable()
      .describe('The names of the classes, in the order of their numbers; null if the targets are values.'),
    trainSamples: z.int().min(1).nullable().describe('The number of training samples; null if it depends on the options in the spec.'),
    testSamples: z
      .int()
      .min(0)
      .nullable()
      .describe('The number of test samples, 0 if there is no test part; null if it depends on the options in the spec.'),
    format: z
      .enum(uploadFormats)
      .nullable()
      .describe('The format of the upload; null for a built-in dataset and until an upload is ready.'),
    sha256: z
      .string()
      .nullable()
      .describe('The SHA-256 of the exported dataset, in hex; null for a built-in dataset and until an upload is ready.'),
    bytes: z
      .int()
      .min(0)
      .nullable()
      .describe('The size of the exported dataset; null for a built-in dataset and until an upload is ready.'),
    createdAt: z.iso.datetime().nullable().describe('RFC 3339, UTC; null for a built-in dataset.'),
    columns: z.array(z.string()).readonly().nullable().describe('For a table: the input columns; null otherwise.'),
    categories: z
      .record(z.string(), z.array(z.string()).readonly())
      .readonly()
      .nullable()
      .describe('For a table: the distinct texts of each text column, in the order of their inputs; null otherwise.'),
    targetColumns: z.array(z.string()).readonly().nullable().describe('For a table: the columns to predict; null otherwise.'),
    targetKind: z.enum(['class', 'value', 'labels']).nullable().describe('For a table: the kind of target to predict; null otherwise.'),
    images: imagePreparation
      .extend({
        skipped: z
          .int()
          .min(0)
          .describe('The number of ignored files and folders: hidden files, files of operating systems, empty folders'),
      })
      .nullable()
      .describe('For an upload of images: how they became samples; null otherwise.'),
    ...datasetStatistics.shape,
    status: z
      .enum(['processing', 'ready', 'failed'])
      .describe(
        '`processing`: an upload with `Prefer: respond-async` is being read. `failed`: the upload could not be read; it stays listed for an hour.',
      ),
    progress: z
      .object({ read: z.int().min(0), total: z.int().min(0) })
      .nullable()
      .describe('For an upload that is processing or failed: the bytes that were read, and the size of all files in bytes.'),
    problem: problemSchema.nullable().describe('For a failed upload: the reason.'),
    taken: z.array(chosenSettingSchema).readonly().describe('The settings that the form left out, with the values that the service chose.'),
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.infer<typeof datasetSchema>;

export const datasetList = z
  .object({
    data: z.array(datasetSchema),
    nextCursor: z.string().nullable().describe('Send it as `after` to get the next page. Null on the last page.'),
  })
  .meta({ id: 'DatasetList' });
export type DatasetList = z.infer<typeof datasetList>;

export const datasetParts = z.enum(['train', 'test']);

export const datasetSamples = z
  .object({
    inputType: z.enum(['uint8', 'float32']).describe('uint8: pixels. The network gets each pixel divided by 255. float32: values.'),
    inputShape: sizes,
    data: z.array(
      z.object({
        index: z.int().min(0).describe('The index of the sample in its part, from 0.'),
        input: z.array(z.unknown()).describe('The numbers of the sample, as nested lists of the shape `inputShape`.'),
        class: z.string().nullable().describe('The name of its class; null if the targets are values.'),
        target: z.union([z.int(), z.array(z.unknown())]).describe('The number of its class, or its target values as nested lists.'),
      }),
    ),
  })
  .meta({ id: 'DatasetSamples' });
export type DatasetSamples = z.infer<typeof datasetSamples>;
