// The whole job spec, composed from the registries, and its checks. Parsing says what is malformed;
// `checkSpec` also says what could never train: shapes that do not fit, an output that the loss cannot
// compare with its target, anything over a limit. What passes here can be trained.
import { z } from 'zod';
import { MOST_THREADS } from '../backend/wasm/team.ts';
import { type DataSpec, dataSchema, findDataset, newDataSchema, storedDataSchema } from '../data/datasets/index.ts';
import { isUploaded, resolveUploaded, type UploadedDatasets, uploadedSchema } from '../data/datasets/uploaded.ts';
import type { DatasetDescription } from '../data/define.ts';
import { batchCount } from '../data/loader.ts';
import { transformedShape } from '../data/transforms/index.ts';
import { ShapeError, SpecError } from '../errors.ts';
import { findLoss, lossSchema } from '../losses/index.ts';
import { inferShapes, type LayerSpec, type LayerSummary, layerSchema, leastBatch, outputRange } from '../nn/layers/index.ts';
import { complaintOf } from '../nn/layers/sequence.ts';
import { type PresetName, presetLayers, presetSchema } from '../nn/presets/index.ts';
import { findOptimizer, optimizerSchema, takesMomentum } from '../optim/index.ts';
import { completeScheduler, type RunOutline, schedulerConflict, schedulerSchema } from '../schedulers/index.ts';
import { sizeOf } from '../shape.ts';
import { type Problem, parse, pointer, printable } from '../validation.ts';
import { earlyStoppingProblems, earlyStoppingSchema } from './earlyStopping.ts';
import { gradientClippingSchema } from './gradientClipping.ts';
import { initialWeightsSchema } from './initialWeights.ts';
import { type Summary, totalsOf } from './summary.ts';

const label = z.string().min(1).max(64).regex(printable, 'has control characters');

export const jobSpecSchema = z
  .strictObject({
    name: z.string().min(1).max(200).regex(printable, 'a name has no control characters').optional().describe('Shown in lists'),
    labels: z
      .record(label, label)
      .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels')
      .optional()
      .describe('Your own keys and values'),
    priority: z.int().min(0).max(10).default(0).describe('Among waiting jobs; 10 goes first'),
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

/** The most that a job may ask for. */
export interface SpecLimits {
  readonly parameters: number;
  readonly memoryBytes: number;
  readonly epochs: number;
  readonly layers: number;
}

export const defaultLimits: SpecLimits = { parameters: 100e6, memoryBytes: 3.5e9, epochs: 100_000, layers: 1_000 };

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
  // A body has room for hundreds of thousands of layers: that many are not even looked at.
  const count = countLayers(counted?.model.layers ?? []);
  if (count > 10 * limits.layers) throw new SpecError([tooManyLayers(count, limits)]);
  const parsed = parseSpec(body, uploads);
  const spec: JobSpec = { ...parsed, seed: parsed.seed ?? drawSeed(), threads: parsed.threads ?? threads };
  if (spec.scheduler !== undefined) spec.scheduler = completeScheduler(spec.scheduler, outlineOf(spec));
  return { spec, summary: summarize(spec, limits) };
}

/**
 * Folds the layers' shape rules over the data's shape and adds up what the job costs.
 * @throws SpecError when the spec cannot work or is over a limit.
 */
export function summarize(spec: JobSpec, limits: SpecLimits = defaultLimits): Summary {
  const problems: Problem[] = [];
  const untransformed = findDataset(spec.data.dataset).describe(spec.data);
  checkCounts(spec, untransformed, limits, problems);
  checkNames(spec, problems);
  if (spec.earlyStopping !== undefined) problems.push(...earlyStoppingProblems(spec.earlyStopping, untransformed));
  checkScheduler(spec, problems);
  const data = checkTransforms(spec, untransformed, problems);
  const layers = data === null || countLayers(spec.model.layers) > limits.layers ? null : checkLayers(spec, data, problems);
  if (data === null || layers === null) throw new SpecError(problems);
  checkBatch(spec, layers, data, problems);
  checkOutput(spec, layers, data, problems);
  const totals = totalsOf(layers, spec, data, findOptimizer(spec.optimizer.type).stateArrays(spec.optimizer));
  checkTotals(totals, spec, limits, problems);
  if (problems.length > 0) throw new SpecError(problems);
  // What a layer keeps within is for the estimate of memory alone.
  return { layers: layers.map(({ innerActivations: _inner, ...layer }) => layer), totals };
}

/** From the platform's source of randomness: only for seeds that nobody chose. */
function drawSeed(): number {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return seed;
}

/** Layers, those within others too; of a body that is not parsed yet, as many as can be made out. */
function countLayers(layers: readonly unknown[]): number {
  return layers.reduce<number>((count, layer) => {
    const held = typeof layer === 'object' && layer !== null ? Object.values(layer).filter((value) => Array.isArray(value)) : [];
    // Other options are lists of a few numbers.
    return count + 1 + held.reduce((sum, list) => sum + list.filter((entry) => typeof entry === 'object').length, 0);
  }, 0);
}

function tooManyLayers(count: number, limits: SpecLimits): Problem {
  return { path: '/model/layers', message: `${count} layers are over the limit of ${limits.layers}`, code: 'limitExceeded' };
}

function checkCounts(spec: JobSpec, data: DatasetDescription, limits: SpecLimits, problems: Problem[]): void {
  if (spec.epochs > limits.epochs) {
    problems.push({ path: '/epochs', message: `${spec.epochs} epochs are over the limit of ${limits.epochs}`, code: 'limitExceeded' });
  }
  const layers = countLayers(spec.model.layers);
  if (layers > limits.layers) problems.push(tooManyLayers(layers, limits));
  if ('testSplit' in spec.data && spec.data.testSplit !== undefined && data.testSamples === 0) {
    problems.push({ path: '/data/testSplit', message: 'a single sample cannot be split: leave testSplit out', code: 'invalidValue' });
  }
  if (spec.data.dropLast && spec.data.batchSize > data.trainSamples) {
    problems.push({
      path: '/data/batchSize',
      message: `with dropLast a batch of ${spec.data.batchSize} leaves nothing of ${data.trainSamples} training samples: use at most ${data.trainSamples}`,
      code: 'invalidValue',
    });
  }
}

/** What a scheduler may depend on. */
function outlineOf(spec: JobSpec): RunOutline {
  const { trainSamples, testSamples, target } = findDataset(spec.data.dataset).describe(spec.data);
  return {
    epochs: spec.epochs,
    stepsPerEpoch: batchCount(trainSamples, spec.data),
    hasTestData: testSamples > 0,
    hasClasses: target.kind === 'class',
    takesMomentum: takesMomentum(findOptimizer(spec.optimizer.type)),
  };
}

function checkScheduler(spec: JobSpec, problems: Problem[]): void {
  if (spec.scheduler === undefined) return;
  const conflict = schedulerConflict(spec.scheduler, outlineOf(spec));
  if (conflict === null) return;
  problems.push({ path: pointer(['scheduler', conflict.field]), message: conflict.message, code: 'invalidValue' });
}

function checkNames(spec: JobSpec, problems: Problem[]): void {
  const first = new Map<string, number>();
  spec.model.layers.forEach(({ name }, index) => {
    if (name === undefined) return;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else {
      problems.push({
        path: pointer(['model', 'layers', index, 'name']),
        message: `layer ${earlier} is named "${name}" already: names are unique`,
        code: 'duplicateName',
      });
    }
  });
}

/** The data as the network gets it, or null when a transform does not fit what comes before it. */
function checkTransforms({ data }: JobSpec, description: DatasetDescription, problems: Problem[]): DatasetDescription | null {
  const transformed = transformedShape(data.transforms, description.inputShape);
  if (transformed.ok) return { ...description, inputShape: transformed.shape };
  const { index, error } = transformed;
  problems.push({
    path: pointer(['data', 'transforms', index, ...(error.field === null ? [] : [error.field])]),
    message: `${data.transforms[index].type}: ${error.message}`,
    code: error.code,
  });
  return null;
}

/** The layers' shapes and costs, or null when one does not fit what comes before it. */
function checkLayers(spec: JobSpec, data: DatasetDescription, problems: Problem[]): readonly LayerSummary[] | null {
  const layers = inferShapes(spec.model.layers, data.inputShape);
  if (layers.ok) return layers.layers;
  const { index, error } = layers;
  problems.push({
    path: pointer(['model', 'layers', index, ...(error.field === null ? [] : error.field.split('/'))]),
    message: complaintOf(spec.model.layers[index], index, error.message),
    code: error.code,
  });
  return null;
}

/** A batch norm cannot train on a batch, not even the last of an epoch, that has one value of a channel. */
function checkBatch(spec: JobSpec, layers: readonly LayerSummary[], data: DatasetDescription, problems: Problem[]): void {
  const { batchSize, dropLast } = spec.data;
  const { samples, layer } = leastBatch(spec.model.layers, data.inputShape);
  const rest = data.trainSamples % batchSize;
  const smallest = rest === 0 || dropLast ? batchSize : rest;
  if (smallest >= samples) return;
  const remedy = smallest === batchSize ? `use at least ${samples}` : 'set dropLast, or change it';
  problems.push({
    path: '/data/batchSize',
    message: `${spec.model.layers[layer].type} "${layers[layer].name}" needs ${samples} samples in every batch, but with ${data.trainSamples} samples a batch of ${smallest} comes up: ${remedy}`,
    code: 'invalidValue',
  });
}

function checkOutput(spec: JobSpec, layers: readonly LayerSummary[], data: DatasetDescription, problems: Problem[]): void {
  const output = layers.at(-1)?.outputShape ?? data.inputShape;
  try {
    const compared = { output, range: outputRange(spec.model.layers), target: data.target };
    findLoss(spec.loss.type).check(compared, spec.loss);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const place = error.field === null ? ['model', 'layers', layers.length - 1] : ['loss', error.field];
    problems.push({ path: pointer(place), message: error.message, code: error.code });
  }
}

function checkTotals(totals: Summary['totals'], spec: JobSpec, limits: SpecLimits, problems: Problem[]): void {
  if (totals.parameters === 0) {
    problems.push({ path: '/model/layers', message: 'no layer learns anything: add a linear or a conv2d layer', code: 'nothingToLearn' });
  }
  if (totals.parameters > limits.parameters) {
    problems.push({
      path: '/model',
      message: `${totals.parameters} parameters are over the limit of ${limits.parameters}: use fewer or smaller layers`,
      code: 'limitExceeded',
    });
  }
  if (totals.memoryBytes > limits.memoryBytes) {
    problems.push({
      path: '/data/batchSize',
      message: `about ${totals.memoryBytes} bytes of memory are over the limit of ${limits.memoryBytes}: use a batch smaller than ${spec.data.batchSize}, fewer samples or smaller layers`,
      code: 'limitExceeded',
    });
  }
}
