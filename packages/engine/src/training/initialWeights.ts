// The option `initialWeights` of a job spec, for weights that are not drawn. It names their file, and says which of its tensors are loaded
// and under which names. The service prepares the file when it creates the job, and the program that runs the job loads the result.
import { z } from 'zod';
import { namePatterns } from './namePatterns.ts';

/** The schema of an id: a prefix and a ULID. */
const id = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`), `must be an id such as ${prefix}_01KAS5X3Y8Q2W4T6V8Z0B1C3D5`);

/** The most characters of a regular expression, and of what replaces its matches. */
const MOST_CHARACTERS = 200;
/** The most renames. */
const MOST_RENAMES = 32;

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text, 'g').global;
  } catch {
    return false;
  }
}

const renameSchema = z.strictObject({
  from: z
    .string()
    .min(1)
    .max(MOST_CHARACTERS)
    .refine(isRegularExpression, 'is not a JavaScript regular expression')
    .describe('A JavaScript regular expression. Each match in a name is replaced'),
  to: z.string().max(MOST_CHARACTERS).describe('The replacement. `$1` stands for the first group of the match'),
});

/** The options that choose the tensors of the file. They are applied in the order of their fields. */
const selection = {
  rename: z
    .array(renameSchema)
    .min(1)
    .max(MOST_RENAMES)
    .optional()
    .describe('Replacements in the names of the tensors of the file, one after the other'),
  exclude: namePatterns.optional().describe('After the renames, tensors that one of these patterns matches are left out'),
  include: namePatterns.optional().describe('Of the remaining tensors, only those that one of these patterns matches are loaded'),
  allowMissing: z
    .boolean()
    .optional()
    .describe('Whether tensors of the model may be missing. They keep the values that are drawn from the seed. Default: false'),
};

export const initialWeightsSchema = z
  .union([
    z.strictObject({ job: id('job').describe('The id of a job that has succeeded. Its final weights are used'), ...selection }),
    z.strictObject({ weights: id('wt').describe('The id of an uploaded file of weights'), ...selection }),
  ])
  .describe(
    'The initial weights, {"job": "job_…"} or {"weights": "wt_…"}. They replace the weights drawn from the seed and must fit the model',
  );

export type InitialWeights = z.output<typeof initialWeightsSchema>;
export type Rename = z.output<typeof renameSchema>;

/** The file's name in exported scripts. */
export const initialWeightsFile = 'initial.safetensors';
