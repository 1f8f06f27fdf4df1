// The option `initialWeights` of a job spec, for weights that are not drawn. It only names their file; the program that runs the job loads
// it.
import { z } from 'zod';

/** The schema of an id: a prefix and a ULID. */
const id = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`), `must be an id such as ${prefix}_01KAS5X3Y8Q2W4T6V8Z0B1C3D5`);

export const initialWeightsSchema = z
  .union([
    z.strictObject({ job: id('job').describe('The id of a job that has succeeded. Its final weights are used') }),
    z.strictObject({ weights: id('wt').describe('The id of an uploaded file of weights') }),
  ])
  .describe(
    'The initial weights, {"job": "job_…"} or {"weights": "wt_…"}. They replace the weights drawn from the seed and must fit the model',
  );

export type InitialWeights = z.output<typeof initialWeightsSchema>;

/** The file's name in exported scripts. */
export const initialWeightsFile = 'initial.safetensors';
