// A dataset as answers show it: what a job can name in `data.dataset`, and what a network on it gets. All fields are always there.
import { z } from 'zod';

const sizes = z.array(z.int().min(1)).readonly();

export const datasetSchema = z
  .object({
    id: z.string().describe('What a spec calls it.'),
    source: z.literal('builtIn').describe('Where it comes from.'),
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
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.infer<typeof datasetSchema>;

export const datasetList = z.object({ data: z.array(datasetSchema) }).meta({ id: 'DatasetList' });
export type DatasetList = z.infer<typeof datasetList>;
