// Uploaded weights in responses.
import { elementTypes } from '@trainyard/engine/formats';
import { z } from 'zod';

/** `wt_` and a ULID. Ids sort by the time of creation. */
export const weightsId = z
  .string()
  .regex(/^wt_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the id of weights, such as wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5')
  .meta({ id: 'WeightsId', examples: ['wt_01KAS5X3Y8Q2W4T6V8Z0B1C3D5'] });

const storedTensor = z.object({
  name: z.string(),
  dtype: z.enum(elementTypes),
  shape: z.array(z.int().min(0)).readonly(),
});

export const weightsSchema = z
  .object({
    id: weightsId,
    createdAt: z.iso.datetime().describe('RFC 3339, UTC'),
    bytes: z.int().min(1).describe('The size of the stored safetensors file.'),
    sha256: z.string().describe('The SHA-256 of the stored file, in hex.'),
    values: z.int().min(0).describe('The number of values in all tensors.'),
    tensors: z.array(storedTensor).readonly(),
    taken: z
      .array(
        z.object({
          field: z.string().describe('The setting: `format`, `stateDict` (the entry of the checkpoint that was read) or `prefix`.'),
          value: z.string(),
          reason: z.string(),
        }),
      )
      .readonly()
      .optional()
      .describe(
        'The settings that the request left out, with the values that the service chose. Missing for weights that an older version stored.',
      ),
  })
  .meta({ id: 'Weights' });
export type Weights = z.infer<typeof weightsSchema>;
