// Parses and checks the body of a job. Parsing finds malformed values, and specChecks.ts finds specs that could never train. A spec that
// passes both can be trained.
import { z } from 'zod';
import { canonicalJson } from '../canonicalJson.ts';
import type { DataSpec, newDataSchema } from '../data/datasets/index.ts';
import { isUploaded, resolveUploaded, type UploadedDatasets, uploadedSchema } from '../data/datasets/uploaded.ts';
import type { DatasetDescription } from '../data/define.ts';
import { transformedShape } from '../data/transforms/index.ts';
import { ShapeError, SpecError } from '../errors.ts';
import type { LayerSpec } from '../nn/layers/index.ts';
import { type PresetName, presetLayers, presetSchema } from '../nn/presets/index.ts';
import { completeScheduler, openScheduler } from '../schedulers/index.ts';
import { sizeOf } from '../shape.ts';
import { parse } from '../validation.ts';
import { type JobSpec, jobSpecSchema, type newJobSchema } from './jobSpec.ts';
import { countLayers, outlineOf, summarize, tooManyLayers, untransformedData } from './specChecks.ts';
import { defaultLimits, type SpecLimits } from './specLimits.ts';
import type { Summary } from './summary.ts';

/**
 * Returns the schema that fits the alternatives in the body (a preset or layers, an uploaded dataset or another), so that no problems of
 * the other alternatives are reported.
 */
function schemaOf(body: unknown) {
  const { data } = namesAlternatives.safeParse(body);
  const isPreset = data?.model?.preset !== undefined && data.model.layers === undefined;
  if (isUploaded(data?.data?.dataset)) return isPreset ? schemas.uploadedPreset : schemas.uploaded;
  return isPreset ? schemas.preset : schemas.plain;
}

const namesAlternatives = z.looseObject({
  data: z.looseObject({ dataset: z.unknown() }).optional().catch(undefined),
  model: z.looseObject({ preset: z.unknown().optional(), layers: z.unknown().optional() }).optional().catch(undefined),
});

const schemas = {
  plain: jobSpecSchema,
  preset: jobSpecSchema.extend({ model: presetSchema }),
  uploaded: jobSpecSchema.extend({ data: uploadedSchema }),
  uploadedPreset: jobSpecSchema.extend({ data: uploadedSchema, model: presetSchema }),
};

export interface CheckedSpec {
  readonly spec: JobSpec;
  readonly summary: Summary;
}

/** The part of a body that is needed to count its layers. */
const layersOfBody = z.looseObject({ model: z.looseObject({ layers: z.array(z.unknown()) }) });

type ParsedSpec = Omit<JobSpec, 'seed' | 'threads'> & { seed?: number | undefined; threads?: number | undefined };

/**
 * Parses a body, fills in defaults and adds the layers of a preset.
 * @returns the spec, and the description of its data before the transforms
 * @throws SpecError with every problem
 */
function parseSpec(body: unknown, uploads: UploadedDatasets): { parsed: ParsedSpec; untransformed: DatasetDescription } {
  const parsed = parse<z.ZodType<z.output<typeof newJobSchema>>>(schemaOf(body), body);
  if (!parsed.ok) throw new SpecError(parsed.problems);
  const { model, data: posted, ...rest } = parsed.data;
  const data = isUploadedData(posted) ? resolveUploaded(posted, uploads) : posted;
  if ('code' in data) throw new SpecError([data]);
  const untransformed = untransformedData({ data });
  return { parsed: { ...rest, data, model: modelOf(model, data, untransformed) }, untransformed };
}

function isUploadedData(data: z.output<typeof newDataSchema>): data is z.output<typeof uploadedSchema> {
  return isUploaded(data.dataset);
}

/**
 * Returns a model with its layers.
 * @throws SpecError if the preset does not fit the data, or if the model has a preset and other layers than the preset's
 */
function modelOf(model: z.output<typeof newJobSchema>['model'], data: DataSpec, untransformed: DatasetDescription): JobSpec['model'] {
  const { preset } = model;
  if (preset === undefined) return model;
  const layers = layersOfPreset(preset, data, untransformed);
  if ('layers' in model && canonicalJson(model.layers) !== canonicalJson(layers)) {
    const message = `these are not the layers of the preset ${preset} for this data: omit the preset, or omit the layers`;
    throw new SpecError([{ path: '/model/layers', message, code: 'presetMismatch' }]);
  }
  return { preset, layers };
}

/** Returns the layers of a preset. @throws SpecError if the preset does not fit the data */
function layersOfPreset(preset: PresetName, { transforms }: DataSpec, { inputShape, target }: DatasetDescription): LayerSpec[] {
  const transformed = transformedShape(transforms, inputShape);
  const outputs = target.kind === 'class' ? target.classes.length : sizeOf(target.shape);
  try {
    // If a transform does not fit, the shape before the transforms is used. The problem is reported later, with all other problems.
    return presetLayers(preset, transformed.ok ? transformed.shape : inputShape, outputs);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new SpecError([{ path: '/model/preset', message: error.message, code: error.code }]);
  }
}

/**
 * Parses and checks the body of a job.
 * @param uploads the uploaded datasets whose ids the body may contain
 * @param threads the number of threads if the body does not set it
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
  // Checking a very long list of layers would take long, so it is refused here. Up to twice the limit, the layers are checked, so that all
  // problems are reported together.
  if (count > 2 * limits.layers) throw new SpecError([tooManyLayers(count, limits)]);
  const { parsed, untransformed } = parseSpec(body, uploads);
  const spec: JobSpec = { ...parsed, seed: parsed.seed ?? drawSeed(), threads: parsed.threads ?? threads };
  if (spec.scheduler !== undefined) spec.scheduler = completeScheduler(spec.scheduler, outlineOf(spec, untransformed));
  return { spec, summary: summarize(spec, limits, untransformed) };
}

/**
 * Returns the spec without the scheduler's options that were derived from its epochs and data. Use it to start another run with other
 * epochs or data.
 */
export function openSpec(spec: JobSpec): JobSpec {
  return spec.scheduler === undefined
    ? spec
    : { ...spec, scheduler: openScheduler(spec.scheduler, outlineOf(spec, untransformedData(spec))) };
}

/** Draws a seed for a spec without one, from the platform's source of randomness. */
function drawSeed(): number {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}
