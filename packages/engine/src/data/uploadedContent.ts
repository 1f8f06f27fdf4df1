// Describes an uploaded dataset without its arrays: shapes, classes, sizes and the hash of its file.
import { z } from 'zod';
import { imagePreparation } from './images/preparation.ts';
import { tablePreparation } from './table/preparation.ts';

const sizes = z.array(z.int().min(1)).min(1).max(8).readonly();

/** The description of an uploaded dataset that is stored in its record and in the specs of jobs. */
export const uploadedContent = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')
      .describe('The SHA-256 of the NPZ file'),
    inputType: z.enum(['uint8', 'float32']).describe('`uint8`: pixels, which are read as x / 255. `float32`: values'),
    inputShape: sizes.describe('The shape of one sample, before the transforms'),
    classes: z.array(z.string()).readonly().nullable().describe('The names of the classes. Null if the targets are values'),
    targetShape: sizes.nullable().describe('The shape of one target. Null if the targets are classes'),
    trainSamples: z.int().min(1),
    testSamples: z.int().min(0).describe('The number of test samples. 0 without a test part'),
    table: tablePreparation.optional(),
    images: imagePreparation.optional(),
  })
  .describe('The content of the dataset. The server fills it in. If you send it in a spec, it must match the dataset');
export type UploadedContent = z.output<typeof uploadedContent>;

/** How the files of an upload became samples. It is a part of the dataset's identity. */
export type UploadPreparation = Pick<UploadedContent, 'table' | 'images'>;
