// Where a job's first weights come from, when they are not drawn: words of the spec alone. Whoever runs the job brings the file.
import { z } from 'zod';

/** A prefix and a ULID. */
const id = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`), `must be an id such as ${prefix}_01KAS5X3Y8Q2W4T6V8Z0B1C3D5`);

export const initialWeightsSchema = z
  .union([
    z.strictObject({ job: id('job').describe('A job that has succeeded: its final weights') }),
    z.strictObject({ weights: id('wt').describe('An uploaded safetensors file') }),
  ])
  .describe(
    'Weights to begin with, {"job": "job_…"} or {"weights": "wt_…"}, instead of those drawn from the seed; they have to fit the model',
  );

export type InitialWeights = z.output<typeof initialWeightsSchema>;

/** What scripts call the file. */
export const initialWeightsFile = 'initial.safetensors';
