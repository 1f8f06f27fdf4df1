// The two schemas of a job spec, composed from the registries: for a posted spec and for a checked one. checkSpec.ts checks specs.
import { z } from 'zod';
import { MOST_THREADS } from '../backend/wasm/team.ts';
import { dataSchema, newDataSchema, storedDataSchema } from '../data/datasets/index.ts';
import { lossSchema } from '../losses/index.ts';
import { layerSchema } from '../nn/layers/index.ts';
import { presetName, presetSchema } from '../nn/presets/index.ts';
import { optimizerSchema } from '../optim/index.ts';
import { schedulerSchema } from '../schedulers/index.ts';
import { displayName, printable } from '../validation.ts';
import { earlyStoppingSchema } from './earlyStopping.ts';
import { freezeSchema } from './freezing.ts';
import { gradientClippingSchema } from './gradientClipping.ts';
import { initialWeightsSchema } from './initialWeights.ts';

const label = z.string().min(1).max(64).regex(printable, 'has control characters');

export const jobSpecSchema = z
  .strictObject({
    name: displayName.optional().describe('The name of the job in lists'),
    labels: z
      .record(label, label)
      .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels')
      .optional()
      .describe('Your own keys and values'),
    priority: z
      .int()
      .min(0)
      .max(10)
      .default(0)
      .describe('The order among the waiting jobs of the same key: jobs with a higher priority start first'),
    seed: z
      .int()
      .min(0)
      .max(4_294_967_295)
      .optional()
      .describe('The seed of all random numbers of the run. If omitted, a seed is drawn and returned'),
    threads: z
      .int()
      .min(1)
      .max(MOST_THREADS)
      .optional()
      .describe(
        'The number of threads that the job uses. The weights are the same, bit for bit, with any number. If omitted, the setting of the service is used',
      ),
    data: dataSchema,
    model: z.strictObject({
      preset: presetName
        .optional()
        .describe('The preset that the layers are from. If it is given together with layers, these must be the layers of the preset'),
      layers: z.array(layerSchema).min(1).describe('The layers from input to output. Input channels and features are inferred'),
    }),
    loss: lossSchema,
    optimizer: optimizerSchema,
    scheduler: schedulerSchema.optional(),
    epochs: z.int().min(1).describe('The number of passes over the training data'),
    freeze: freezeSchema.optional(),
    gradientClipping: gradientClippingSchema.optional(),
    earlyStopping: earlyStoppingSchema.optional(),
    initialWeights: initialWeightsSchema.optional(),
    onNonFinite: z
      .enum(['fail', 'continue'])
      .default('fail')
      .describe(
        'What happens if the loss, the gradients or the weights are no longer finite. `fail`: the job fails. `continue`: the job continues, and the result reports it',
      ),
  })
  .describe('A training job');

/** The schema of a posted job spec. It may name a preset instead of layers, and an uploaded dataset as the data. */
export const newJobSchema = jobSpecSchema.extend({ data: newDataSchema, model: z.union([jobSpecSchema.shape.model, presetSchema]) });

/** The schema of a checked job spec. */
export const checkedJobSchema = jobSpecSchema.extend({
  data: storedDataSchema,
  seed: jobSpecSchema.shape.seed.unwrap(),
  threads: jobSpecSchema.shape.threads.unwrap(),
});

export type JobSpecInput = z.input<typeof newJobSchema>;
/** A checked job spec: defaults are filled in, a preset has its layers beside it, uploaded data has its content, and the seed is drawn. */
export type JobSpec = z.output<typeof checkedJobSchema>;
