// Describes an uploaded dataset without its arrays: shapes, classes, sizes and the hash of its file.
import { z } from 'zod';
import { tablePreparation } from './table/preparation.ts';

const sizes = z.array(z.int().min(1)).min(1).max(8).readonly();

/** The description of an uploaded dataset that is stored in its record and in the specs of jobs. */
export const uploadedContent = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')
      .describe('Of the NPZ file'),
    inputType: z.enum(['uint8', 'float32']).describe('Pixels, which are read as x / 255, or values'),
    inputShape: sizes.describe("One sample's, before transforms"),
    classes: z.array(z.string()).readonly().nullable().describe('Their names; null where targets are values'),
    targetShape: sizes.nullable().describe("One target's; null where targets are classes"),
    trainSamples: z.int().min(1),
    testSamples: z.int().min(0).describe('0 without a test part'),
    table: tablePreparation.optional(),
  })
  .describe('What the dataset holds; filled in for you. In a spec that is posted again it has to be what the dataset holds');
export type UploadedContent = z.output<typeof uploadedContent>;
