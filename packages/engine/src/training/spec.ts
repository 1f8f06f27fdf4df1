// The whole job spec, composed from the registries. Parsing says what is malformed; `checkSpec` also says what could never train
// (specChecks.ts). What passes here can be trained.
import { z } from 'zod';
import { MOST_THREADS } from '../backend/wasm/team.ts';
import { type DataSpec, dataSchema, findDataset, newDataSchema, storedDataSchema } from '../data/datasets/index.ts';
import { isUploaded, resolveUploaded, type UploadedDatasets, uploadedSchema } from '../data/datasets/uploaded.ts';
import { transformedShape } from '../data/transforms/index.ts';
import { ShapeError, SpecError } from '../errors.ts';
import { lossSchema } from '../losses/index.ts';
import { type LayerSpec, layerSchema } from '../nn/layers/index.ts';
import { type PresetName, presetLayers, presetSchema } from '../nn/presets/index.ts';
import { optimizerSchema } from '../optim/index.ts';
import { completeScheduler, openScheduler, schedulerSchema } from '../schedulers/index.ts';
import { sizeOf } from '../shape.ts';
import { parse, printable } from '../validation.ts';
import { earlyStoppingSchema } from './earlyStopping.ts';
import { gradientClippingSchema } from './gradientClipping.ts';
import { initialWeightsSchema } from './initialWeights.ts';
import { countLayers, outlineOf, summarize, tooManyLayers } from './specChecks.ts';
import { defaultLimits, type SpecLimits } from './specLimits.ts';
import type { Summary } from './summary.ts';

const label = z.string().min(1).max(64).regex(printable, 'has control characters');

export const jobSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(200).regex(printable, 'a name has no control characters').optional().describe('Shown in lists'),
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
      .describe('The order among the waiting jobs of the same key: a higher priority starts first'),
    seed: z.int().min(0).max(4_294_967_295).optional().describe('Decides every draw of the run; drawn and returned when left out'),
    threads: z
      .int()
      .min(1)
      .max(MOST_THREADS)
      .optional()
      .describe(
        'Threads that the job computes with; its weights are the same, bit for bit, with any number. Left out, what the service is set to',
      ),
    data: dataSchema,
    model: z.strictObject({
      layers: z.array(layerSchema).min(1).describe('From input to output; input channels and features are inferred'),
    }),
    loss: lossSchema,
    optimizer: optimizerSchema,
    scheduler: schedulerSchema.optional(),
    epochs: z.int().min(1).describe('How often the training data is gone through'),
    gradientClipping: gradientClippingSchema.optional(),
    earlyStopping: earlyStoppingSchema.optional(),
    initialWeights: initialWeightsSchema.optional(),
    onNonFinite: z
      .enum(['fail', 'continue'])
      .default('fail')
      .describe('What becomes of a run whose loss, gradients or weights are no longer finite: it fails, or it goes on and says so'),
  })
  .describe('A training job');

/** A job spec as it may be posted: a preset can stand for the layers, and the data can be uploaded. */
export const newJobSchema = jobSpecSchema.extend({ data: newDataSchema, model: z.union([jobSpecSchema.shape.model, presetSchema]) });

/** A checked job spec. */
export const checkedJobSchema = jobSpecSchema.extend({
  data: storedDataSchema,
  seed: jobSpecSchema.shape.seed.unwrap(),
  threads: jobSpecSchema.shape.threads.unwrap(),
});

/** Of the alternatives in a posted spec, those that a body means: so that the problems told are those of what was meant. */
function schemaOf(body: unknown) {
  const { data } = namesAlternatives.safeParse(body);
  const isPreset = data?.model?.preset !== undefined;
  if (isUploaded(data?.data?.dataset)) return isPreset ? schemas.uploadedPreset : schemas.uploaded;
  return isPreset ? schemas.preset : schemas.plain;
}

const namesAlternatives = z.looseObject({
  data: z.looseObject({ dataset: z.unknown() }).optional().catch(undefined),
  model: z.looseObject({ preset: z.unknown() }).optional().catch(undefined),
});

const schemas = {
  plain: jobSpecSchema,
  preset: jobSpecSchema.extend({ model: presetSchema }),
  uploaded: jobSpecSchema.extend({ data: uploadedSchema }),
  uploadedPreset: jobSpecSchema.extend({ data: uploadedSchema, model: presetSchema }),
};

export type JobSpecInput = z.input<typeof newJobSchema>;
/** A spec with every default filled in, its preset replaced by layers, its uploaded data described and its seed drawn. */
export type JobSpec = z.output<typeof checkedJobSchema>;

export interface CheckedSpec {
  readonly spec: JobSpec;
  readonly summary: Summary;
}

/** As much of a body as it takes to count its layers. */
const layersOfBody = z.looseObject({ model: z.looseObject({ layers: z.array(z.unknown()) }) });

/** A spec with its defaults, with layers where the body names a preset. @throws SpecError with every problem. */
function parseSpec(
  body: unknown,
  uploads: UploadedDatasets,
): Omit<JobSpec, 'seed' | 'threads'> & { seed?: number | undefined; threads?: number | undefined } {
  const parsed = parse<z.ZodType<z.output<typeof newJobSchema>>>(schemaOf(body), body);
  if (!parsed.ok) throw new SpecError(parsed.problems);
  const { model, data: posted, ...rest } = parsed.data;
  const data = isUploadedData(posted) ? resolveUploaded(posted, uploads) : posted;
  if ('code' in data) throw new SpecError([data]);
  return { ...rest, data, model: 'layers' in model ? model : { layers: layersOfPreset(model.preset, data) } };
}

function isUploadedData(data: z.output<typeof newDataSchema>): data is z.output<typeof uploadedSchema> {
  return isUploaded(data.dataset);
}

/** @throws SpecError when it does not fit the data. */
function layersOfPreset(preset: PresetName, data: DataSpec): LayerSpec[] {
  const { inputShape, target } = findDataset(data.dataset).describe(data);
  const transformed = transformedShape(data.transforms, inputShape);
  const outputs = target.kind === 'class' ? target.classes.length : sizeOf(target.shape);
  try {
    // Transforms that do not fit are told later, with all other problems.
    return presetLayers(preset, transformed.ok ? transformed.shape : inputShape, outputs);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new SpecError([{ path: '/model/preset', message: error.message, code: error.code }]);
  }
}

/**
 * Parses and checks the body of a job.
 * @param uploads the uploaded datasets that it may name, or at least that which it names
 * @param threads of a spec that names none
 * @throws SpecError with every problem that could be found, up to a hundred.
 */
export function checkSpec(
  body: unknown,
  limits: SpecLimits = defaultLimits,
  uploads: UploadedDatasets = new Map(),
  threads = 1,
): CheckedSpec {
  const { data: counted } = layersOfBody.safeParse(body);
  const count = countLayers(counted?.model.layers ?? []);
  // Checking many more layers would take long. Up to twice the limit is checked, so that all problems are reported together.
  if (count > 2 * limits.layers) throw new SpecError([tooManyLayers(count, limits)]);
  const parsed = parseSpec(body, uploads);
  const spec: JobSpec = { ...parsed, seed: parsed.seed ?? drawSeed(), threads: parsed.threads ?? threads };
  if (spec.scheduler !== undefined) spec.scheduler = completeScheduler(spec.scheduler, outlineOf(spec));
  return { spec, summary: summarize(spec, limits) };
}

/** The spec with what followed from its own length and data left open, for a run of another length or on other data. */
export function openSpec(spec: JobSpec): JobSpec {
  return spec.scheduler === undefined ? spec : { ...spec, scheduler: openScheduler(spec.scheduler, outlineOf(spec)) };
}

/** From the platform's source of randomness: only for seeds that nobody chose. */
function drawSeed(): number {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
