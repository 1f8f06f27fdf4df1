// Uploaded weights as answers show them.
import { z } from 'zod';

/** `wt_` and a ULID, as a job's id. */
export const weightsId = z
  .string()
  .regex(/^wt_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of weights, such as wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')
  .meta({ id: 'WeightsId', examples: ['wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'] });

const storedTensor = z.object({
  name: z.string(),
  dtype: z.enum(['F32', 'F64', 'I64']),
  shape: z.array(z.int().min(0)).readonly(),
});

export const weightsSchema = z
  .object({
    id: weightsId,
    createdAt: z.iso.datetime().describe('RFC 3339, UTC'),
    bytes: z.int().min(1).describe('Of the file'),
    sha256: z.string().describe('Of the file, in hex'),
    values: z.int().min(0).describe('Numbers in all of its tensors'),
    tensors: z.array(storedTensor).readonly(),
  })
  .meta({ id: 'Weights' });
export type Weights = z.infer<typeof weightsSchema>;
