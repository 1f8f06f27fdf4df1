// Estimates the most memory that a training run needs, before it runs: values kept for the backward pass, gradients that exist at the same
// time, and arrays that last for the whole run. It also estimates predictions, which keep nothing for a backward pass. The numbers for each
// layer are part of its definition (nn/layers/memory.ts). The estimate itself allocates nothing.
import { findLayer, type LayerSummary } from '../nn/layers/index.ts';
import type { LayerMemory } from '../nn/layers/memory.ts';
import { sizeOf } from '../shape.ts';

const BYTES_PER_VALUE = 4;
/** The scratch memory of one thread in small networks, for packed weights and tiles. */
const SCRATCH_BYTES = 1024 * 1024;
/** The size of a layer's packed and transformed weights, as a multiple of the weights. */
const WEIGHTS_SCRATCH = 4;
/** A factor for memory that is not counted: small arrays, and the unused rest when a block is used again for a smaller array. */
const LOSS = 1.12;

/** A layer of the network with its sizes for one sample. */
interface LayerNeeds {
  readonly memory: LayerMemory;
  readonly parameters: number;
  readonly input: number;
  readonly output: number;
  readonly inner: number;
  readonly innerGradients: number;
}

export interface MemoryOf {
  readonly layers: readonly LayerSummary[];
  /** The number of values of one sample's input. */
  readonly inputSize: number;
  /** The number of samples in a step. */
  readonly batch: number;
  /** For each layer, how many of its parameters are trained. The others get no gradients. */
  readonly trained: readonly number[];
  /** The number of values that the optimizer keeps for all trained parameters together. */
  readonly stateValues: number;
  /** The bytes of all samples in memory. */
  readonly dataBytes: number;
  /** The number of threads. Each thread has its own scratch memory. */
  readonly threads: number;
}

function needsOf(layers: readonly LayerSummary[], inputSize: number): LayerNeeds[] {
  return layers.map(({ type, parameters, outputShape, innerActivations = 0, innerGradients = 0 }, at) => ({
    memory: findLayer(type).memory,
    parameters,
    input: at === 0 ? inputSize : sizeOf(layers[at - 1].outputShape),
    output: sizeOf(outputShape),
    inner: innerActivations,
    innerGradients,
  }));
}

/** Returns how many values of one sample a layer keeps for the backward pass. */
function keptBy(layers: readonly LayerNeeds[], at: number): number {
  const { memory, output, inner } = layers[at];
  const [next, afterNext] = [layers[at + 1]?.memory.fusedAs, layers[at + 2]?.memory.fusedAs];
  const isRectified = next === 'rectifier' || (next === 'pooling' && afterNext === 'rectifier');
  if (memory.fusedAs === 'start' && isRectified) return inner;
  // The preceding convolution also computes the pooled values, and only the pooled values are stored.
  if (memory.fusedAs === 'rectifier' && next === 'pooling' && layers[at - 1]?.memory.fusedAs === 'start') return 0;
  return memory.keptOutputs * output + inner;
}

/**
 * Returns how many values are copied at the same time while a file is written. A checkpoint has the parameters and the optimizer's
 * state. A file of weights needs two copies, for the file and its hash. With counters it needs a third copy, because the bytes
 * for the hash are then in another order.
 */
function valuesForFiles(layers: readonly LayerNeeds[], parameters: number, stateValues: number): number {
  const hasCounters = layers.some(({ memory }) => memory.hasCounters);
  return Math.max(parameters + stateValues, (hasCounters ? 3 : 2) * parameters);
}

/**
 * Returns an estimate of the most bytes that a training run uses at the same time: parameters, gradients, optimizer state, activations of a
 * batch, data, and copies for files.
 */
export function memoryBytes({ layers: summaries, inputSize, batch, trained, stateValues, dataBytes, threads }: MemoryOf): number {
  const layers = needsOf(summaries, inputSize);
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const values =
    parameters +
    trained.reduce((sum, count) => sum + count, 0) +
    stateValues +
    valuesForFiles(layers, parameters, stateValues) +
    packedWeights(layers) +
    LOSS * batch * valuesOfSample(layers, inputSize, firstTrained(layers, trained));
  return Math.ceil(BYTES_PER_VALUE * values) + dataBytes + threads * SCRATCH_BYTES;
}

/**
 * Returns an estimate of the most bytes that the engine uses to predict `samples` samples at once: the parameters, and the input and output
 * of the largest layer.
 */
export function predictionMemoryBytes({ layers: summaries, inputSize }: Pick<MemoryOf, 'layers' | 'inputSize'>, samples: number): number {
  const layers = needsOf(summaries, inputSize);
  const needs = layers.map((layer) => layer.input + layer.output + layer.memory.predictionValues(layer));
  // At the end there are three arrays of this size: the outputs, the probabilities, and one for computing the probabilities.
  const most = Math.max(...needs, 3 * (layers.at(-1)?.output ?? inputSize));
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return Math.ceil(BYTES_PER_VALUE * (parameters + packedWeights(layers) + LOSS * samples * most)) + SCRATCH_BYTES;
}

/** Returns the number of packed and transformed weights of the largest layer that has such weights. */
function packedWeights(layers: readonly LayerNeeds[]): number {
  return WEIGHTS_SCRATCH * Math.max(0, ...layers.map(({ memory, parameters }) => (memory.packsWeights ? parameters : 0)));
}

/** Returns the index of the first layer for which a backward pass computes something: 0 unless the first layers are frozen. */
export function firstTrained(layers: readonly { readonly parameters: number }[], trained: readonly number[]): number {
  if (layers.every(({ parameters }, at) => parameters === trained[at])) return 0;
  return Math.max(
    0,
    trained.findIndex((count) => count > 0),
  );
}

/**
 * Returns the most values of one sample that exist at the same time: kept values that are not freed yet, and the gradients of a layer.
 * @param first the layer at which the backward pass ends. What only earlier layers would read is freed before the pass
 */
function valuesOfSample(layers: readonly LayerNeeds[], inputSize: number, first: number): number {
  const kept = layers.map((_, at) => keptBy(layers, at));
  const all = kept.reduce((sum, values) => sum + values, inputSize);
  /**
   * How many kept values can be freed after each layer's backward pass, because no later one reads them. The extra last entry counts the
   * values that no backward pass reads.
   */
  const readLastBy = new Array<number>(layers.length + 1).fill(0);
  for (const [at, { inner }] of layers.entries()) {
    const reader = Math.min(lastReader(layers, at), layers.length);
    readLastBy[reader] = (readLastBy[reader] ?? 0) + (kept[at] ?? 0) - inner;
  }
  let most = all;
  /** How many kept values are already freed when the gradients of layer `at` are computed. */
  let freed = readLastBy.slice(0, first).reduce((sum, values) => sum + values, 0);
  for (let at = layers.length - 1; at >= first; at--) {
    freed += readLastBy[at + 1] ?? 0;
    most = Math.max(most, all - freed + layers[at].memory.gradientValues(layers[at]));
  }
  return most;
}

/** Returns the layer whose backward pass is the last to read the output of layer `at`, or Infinity if no backward pass reads it. */
function lastReader(layers: readonly LayerNeeds[], at: number): number {
  if (layers[at].memory.gradientReads === 'output') return firstOfFused(layers, at);
  return layers[at + 1]?.memory.gradientReads === 'input' ? at + 1 : Infinity;
}

/** Returns the first of the layers that run in one operation with layer `at`. */
function firstOfFused(layers: readonly LayerNeeds[], at: number): number {
  const follows = (index: number): boolean => ['rectifier', 'pooling'].includes(layers[index].memory.fusedAs ?? '');
  let first = at;
  while (first > 0 && at - first < 2 && follows(first)) first -= 1;
  return layers[first].memory.fusedAs === 'start' ? first : at;
}
