// Finds mistakes because of which a well-formed job spec could never train: shapes that do not fit, an output that the loss cannot compare
// with its target, or a value over a limit. A spec without mistakes can be trained, and `summarize` returns its cost.
import { findDataset } from '../data/datasets/index.ts';
import type { DatasetDescription } from '../data/define.ts';
import { batchCount } from '../data/loader.ts';
import { samplingOf } from '../data/sampling.ts';
import { findTransform, transformedShape } from '../data/transforms/index.ts';
import { type Problem, ShapeError, SpecError } from '../errors.ts';
import { findLoss } from '../losses/index.ts';
import { inferParsedShapes, type LayerSummary, layerLists, leastBatch, outputRange } from '../nn/layers/index.ts';
import { complaintOf, repeatedNames } from '../nn/layers/sequence.ts';
import { findOptimizer, takesMomentum } from '../optim/index.ts';
import type { AnyOptions } from '../registry.ts';
import { type RunOutline, schedulerConflict } from '../schedulers/index.ts';
import { pointer } from '../validation.ts';
import { earlyStoppingProblems } from './earlyStopping.ts';
import type { JobSpec } from './jobSpec.ts';
import type { SpecLimits } from './specLimits.ts';
import { memoryOf, type Summary, type Trained, totalsOf } from './summary.ts';
import { checkTrained, withoutPatterns } from './weightChecks.ts';

/**
 * Checks a spec, computes the shape after each layer, and adds up the cost of the job.
 * @param untransformed the description of its data before the transforms
 * @throws SpecError if the spec cannot work or is over a limit
 */
export function summarize(spec: JobSpec, limits: SpecLimits, untransformed: DatasetDescription): Summary {
  const problems: Problem[] = [];
  checkCounts(spec, untransformed, limits, problems);
  checkNames(spec, problems);
  if (spec.earlyStopping !== undefined) problems.push(...earlyStoppingProblems(spec.earlyStopping, untransformed));
  checkScheduler(spec, untransformed, problems);
  checkMixtures(spec, untransformed, problems);
  const data = checkTransforms(spec, untransformed, problems);
  const layers = data === null || countLayers(spec.model.layers) > limits.layers ? null : checkLayers(spec, data, problems);
  if (data === null || layers === null) throw new SpecError(problems);
  checkBatch(spec, layers, data, problems);
  checkOutput(spec, layers, data, problems);
  const trained = trainedOf(spec, layers, limits, problems);
  const totals = totalsOf(layers, spec, data, trained);
  checkTotals(totals, limits, problems);
  if (totals.memoryBytes > limits.memoryBytes) problems.push(memoryProblem(spec, limits, memoryOf(layers, spec, data, trained)));
  if (problems.length > 0) throw new SpecError(problems);
  // The inner values are only for the estimate of memory, so they are left out.
  return { layers: layers.map(({ innerActivations: _activations, innerGradients: _gradients, ...layer }) => layer), totals };
}

/** Returns what the spec trains. If the model is over the limit, its patterns are not checked, because checking them would take long. */
function trainedOf(spec: JobSpec, layers: readonly LayerSummary[], limits: SpecLimits, problems: Problem[]): Trained {
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return checkTrained(parameters > limits.parameters ? withoutPatterns(spec) : spec, layers, problems);
}

/** Counts layers, including layers inside other layers. An empty branch counts as one. The layers need not be checked yet. */
export function countLayers(layers: readonly unknown[]): number {
  return layers.reduce<number>((count, layer) => {
    const lists = layerLists.map((option) => ((layer ?? {}) as AnyOptions)[option]);
    return lists.reduce<number>((sum, list) => sum + countInside(list), count + 1);
  }, 0);
}

/** Counts the layers in an option that is a list of layers or a list of such lists. */
function countInside(list: unknown): number {
  if (!Array.isArray(list)) return 0;
  return list.reduce<number>((count, entry) => count + (Array.isArray(entry) ? Math.max(1, entry.length) : 1), 0);
}

export function tooManyLayers(count: number, limits: SpecLimits): Problem {
  return { path: '/model/layers', message: `${count} layers are over the limit of ${limits.layers}`, code: 'limitExceeded' };
}

function checkCounts(spec: JobSpec, data: DatasetDescription, limits: SpecLimits, problems: Problem[]): void {
  if (spec.epochs > limits.epochs) {
    problems.push({ path: '/epochs', message: `${spec.epochs} epochs are over the limit of ${limits.epochs}`, code: 'limitExceeded' });
  }
  const layers = countLayers(spec.model.layers);
  if (layers > limits.layers) problems.push(tooManyLayers(layers, limits));
  if ('testSplit' in spec.data && spec.data.testSplit !== undefined && data.testSamples === 0) {
    problems.push({ path: '/data/testSplit', message: 'a single sample cannot be split: remove testSplit', code: 'invalidValue' });
  }
  if (samplingOf(spec.data) === 'balanced' && data.target.kind !== 'class') {
    const message = 'balanced sampling needs targets that are classes, but the targets are values: use "shuffle"';
    problems.push({ path: '/data/sampling', message, code: 'invalidValue' });
  }
  if (spec.data.dropLast && spec.data.batchSize > data.trainSamples) {
    problems.push({
      path: '/data/batchSize',
      message: `with dropLast a batch of ${spec.data.batchSize} leaves out all ${data.trainSamples} training samples: use at most ${data.trainSamples}`,
      code: 'invalidValue',
    });
  }
}

function checkScheduler(spec: JobSpec, data: DatasetDescription, problems: Problem[]): void {
  if (spec.scheduler === undefined) return;
  const conflict = schedulerConflict(spec.scheduler, outlineOf(spec, data));
  if (conflict === null) return;
  problems.push({ path: pointer(['scheduler', conflict.field]), message: conflict.message, code: 'invalidValue' });
}

function checkNames(spec: JobSpec, problems: Problem[]): void {
  for (const { index, message } of repeatedNames(spec.model.layers)) {
    problems.push({ path: pointer(['model', 'layers', index, 'name']), message, code: 'duplicateName' });
  }
}

/** Returns the description of the data after the transforms, or null if a transform does not fit its input. */
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

/** Checks that transforms of whole batches come last, and that the loss can compare with mixed targets. */
function checkMixtures({ data: { transforms }, loss }: JobSpec, { target }: DatasetDescription, problems: Problem[]): void {
  const first = transforms.findIndex(({ type }) => findTransform(type).scope === 'batch');
  if (first === -1) return;
  const { type: mixture } = transforms[first];
  const later = transforms.findIndex(({ type }, index) => index > first && findTransform(type).scope === 'sample');
  if (later !== -1) {
    problems.push({
      path: pointer(['data', 'transforms', later]),
      message: `${transforms[later].type} changes single samples, but ${mixture} before it mixes whole batches: move ${mixture} to the end`,
      code: 'invalidValue',
    });
  }
  if (findLoss(loss.type).takesProbabilities !== true) {
    problems.push({
      path: pointer(['data', 'transforms', first]),
      message: `${mixture} makes targets that are probabilities of classes, which the loss ${loss.type} cannot compare: use the crossEntropy loss, or remove ${mixture}`,
      code: 'invalidValue',
    });
  } else if ('ignoreIndex' in loss && target.kind === 'class' && loss.ignoreIndex >= 0 && loss.ignoreIndex < target.classes.length) {
    problems.push({
      path: '/loss/ignoreIndex',
      message: `the class ${loss.ignoreIndex} cannot be ignored, because ${mixture} makes targets that are probabilities: remove ignoreIndex or ${mixture}`,
      code: 'invalidValue',
    });
  }
}

/** Returns the shapes and costs of the layers, or null if a layer does not fit its input. */
function checkLayers(spec: JobSpec, data: DatasetDescription, problems: Problem[]): readonly LayerSummary[] | null {
  const layers = inferParsedShapes(spec.model.layers, data.inputShape);
  if (layers.ok) return layers.layers;
  const { index, error } = layers;
  problems.push({
    path: pointer(['model', 'layers', index, ...(error.field === null ? [] : error.field.split('/'))]),
    message: complaintOf(spec.model.layers[index], index, error.message),
    code: error.code,
  });
  return null;
}

/** Checks that every batch has enough samples. A batch norm cannot train on a batch with only one value per channel. */
function checkBatch(spec: JobSpec, layers: readonly LayerSummary[], data: DatasetDescription, problems: Problem[]): void {
  const { batchSize, dropLast } = spec.data;
  const { samples, layer } = leastBatch(spec.model.layers, [data.inputShape, ...layers.map(({ outputShape }) => outputShape)]);
  const rest = data.trainSamples % batchSize;
  const smallest = rest === 0 || dropLast ? batchSize : rest;
  if (smallest >= samples) return;
  const fitting = fittingBatch(data.trainSamples, batchSize, samples);
  const canDrop = batchSize >= samples && batchSize <= data.trainSamples;
  const remedy =
    fitting === null ? `use data with at least ${samples} training samples` : `${canDrop ? 'set dropLast, or ' : ''}use ${fitting}`;
  problems.push({
    path: '/data/batchSize',
    message: `${spec.model.layers[layer].type} "${layers[layer].name}" needs ${samples} samples in every batch, but with ${data.trainSamples} samples a batch of ${smallest} comes up: ${remedy}`,
    code: 'invalidValue',
  });
}

/** Returns the batch size nearest to `wanted` for which every batch of an epoch has at least `least` samples, or null if no size fits. */
function fittingBatch(trainSamples: number, wanted: number, least: number): number | null {
  const fits = (size: number): boolean => size >= least && (trainSamples % size === 0 || trainSamples % size >= least);
  // The search starts at the size of the data if `wanted` is larger, because no batch can be larger than the data.
  const start = Math.min(wanted, trainSamples);
  for (let away = 0; away < trainSamples; away++) {
    if (start - away > 0 && fits(start - away)) return start - away;
    if (start + away <= trainSamples && fits(start + away)) return start + away;
  }
  return null;
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

function checkTotals(totals: Summary['totals'], limits: SpecLimits, problems: Problem[]): void {
  if (totals.parameters === 0) {
    problems.push({
      path: '/model/layers',
      message: 'the model has no parameters to train: add a linear or a conv2d layer',
      code: 'nothingToLearn',
    });
  }
  if (totals.parameters > limits.parameters) {
    problems.push({
      path: '/model',
      message: `${totals.parameters} parameters are over the limit of ${limits.parameters}: use fewer or smaller layers`,
      code: 'limitExceeded',
    });
  }
}

/** Returns the problem of a spec that needs too much memory. It names the largest batch that fits. @param memory estimates it for a batch */
function memoryProblem({ data: { batchSize } }: JobSpec, limits: SpecLimits, memory: (batchSize: number) => number): Problem {
  let [fits, over] = [0, batchSize];
  while (over - fits > 1) {
    const middle = Math.floor((fits + over) / 2);
    if (memory(middle) <= limits.memoryBytes) fits = middle;
    else over = middle;
  }
  const remedy = fits === 0 ? 'fewer samples' : `a batch of at most ${fits}, fewer samples`;
  return {
    path: '/data/batchSize',
    message: `about ${memory(batchSize)} bytes of memory are over the limit of ${limits.memoryBytes}: use ${remedy} or smaller layers`,
    code: 'limitExceeded',
  };
}

/** Returns the description of a spec's data before the transforms. */
export function untransformedData({ data }: Pick<JobSpec, 'data'>): DatasetDescription {
  return findDataset(data.dataset).describe(data);
}

/** Returns the properties of the run on which a scheduler's options depend. */
export function outlineOf(spec: JobSpec, { trainSamples, testSamples, target }: DatasetDescription): RunOutline {
  return {
    epochs: spec.epochs,
    stepsPerEpoch: batchCount(trainSamples, spec.data),
    testSamples,
    target,
    takesMomentum: takesMomentum(findOptimizer(spec.optimizer.type)),
  };
}
