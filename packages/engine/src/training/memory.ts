// Estimates the most memory that a training run needs, before it runs: values that are kept for the backward pass, gradients that exist at
// the same time, and what lasts for the whole run. It also estimates a prediction, which keeps nothing for a backward pass. What each layer
// keeps and needs is part of its definition (nn/layers/memory.ts). Nothing is allocated.
import { findLayer, type LayerSummary } from '../nn/layers/index.ts';
import type { LayerMemory } from '../nn/layers/memory.ts';
import { sizeOf } from '../shape.ts';

const BYTES_PER_VALUE = 4;
/** The memory of one thread for small networks: packed weights and tiles. */
const SCRATCH_BYTES = 1024 * 1024;
/** How much packed and transformed weights of a kernel need, as a multiple of the weights. */
const WEIGHTS_SCRATCH = 4;
/** The factor for memory that is lost when a block is used again for a smaller array, and for small arrays that are not counted. */
const LOSS = 1.12;

/** A layer of the network with its sizes for one sample. */
interface LayerNeeds {
  readonly memory: LayerMemory;
  readonly parameters: number;
  readonly input: number;
  readonly output: number;
  readonly inner: number;
}

export interface MemoryOf {
  readonly layers: readonly LayerSummary[];
  /** The number of values of one sample's input. */
  readonly inputSize: number;
  /** The number of samples in a step. */
  readonly batch: number;
  /** The number of arrays that the optimizer keeps for each parameter, each as large as the parameter. */
  readonly stateArrays: number;
  /** The bytes of all samples in memory. */
  readonly dataBytes: number;
  /** The number of threads. Each has memory of its own. */
  readonly threads: number;
}

function needsOf(layers: readonly LayerSummary[], inputSize: number): LayerNeeds[] {
  return layers.map(({ type, parameters, outputShape, innerActivations = 0 }, at) => ({
    memory: findLayer(type).memory,
    parameters,
    input: at === 0 ? inputSize : sizeOf(layers[at - 1].outputShape),
    output: sizeOf(outputShape),
    inner: innerActivations,
  }));
}

/** Returns the values of one sample that a layer leaves for the backward pass. */
function keptBy(layers: readonly LayerNeeds[], at: number): number {
  const { memory, output, inner } = layers[at];
  const [next, afterNext] = [layers[at + 1]?.memory.fusedAs, layers[at + 2]?.memory.fusedAs];
  const isRectified = next === 'rectifier' || (next === 'pooling' && afterNext === 'rectifier');
  if (memory.fusedAs === 'start' && isRectified) return inner;
  // The convolution before computes the pooled values too, and only these are stored.
  if (memory.fusedAs === 'rectifier' && next === 'pooling' && layers[at - 1]?.memory.fusedAs === 'start') return 0;
  return memory.keptOutputs * output + inner;
}

/**
 * Returns how many copies of all parameters exist at the same time while a file is written. A checkpoint has the parameters and the
 * optimizer's state. A file of weights counts twice, for the file and its hash, and once more with counters, because the hash then has
 * another order.
 */
function copiesForFiles(layers: readonly LayerNeeds[], stateArrays: number): number {
  const hasCounters = layers.some(({ memory }) => memory.hasCounters);
  return Math.max(1 + stateArrays, hasCounters ? 3 : 2);
}

/**
 * Returns an upper estimate of the bytes that a training run uses at the same time: parameters, gradients, optimizer state, activations of
 * a batch, data, and copies for files.
 */
export function memoryBytes({ layers: summaries, inputSize, batch, stateArrays, dataBytes, threads }: MemoryOf): number {
  const layers = needsOf(summaries, inputSize);
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const values =
    parameters * (2 + stateArrays + copiesForFiles(layers, stateArrays)) +
    packedWeights(layers) +
    LOSS * batch * valuesOfSample(layers, inputSize);
  return Math.ceil(BYTES_PER_VALUE * values) + dataBytes + threads * SCRATCH_BYTES;
}

/**
 * Returns an upper estimate of the bytes that the engine uses to predict so many samples at once: the parameters, and the input and output
 * of the largest layer.
 */
export function predictionMemoryBytes({ layers: summaries, inputSize }: Pick<MemoryOf, 'layers' | 'inputSize'>, samples: number): number {
  const layers = needsOf(summaries, inputSize);
  const needs = layers.map((layer) => layer.input + layer.output + layer.memory.predictionValues(layer));
  // At the end there are three arrays: the outputs, their probabilities, and one that these are computed with.
  const most = Math.max(...needs, 3 * (layers.at(-1)?.output ?? inputSize));
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return Math.ceil(BYTES_PER_VALUE * (parameters + packedWeights(layers) + LOSS * samples * most)) + SCRATCH_BYTES;
}

/** Returns the number of packed and transformed weights of the largest layer that has such weights. */
function packedWeights(layers: readonly LayerNeeds[]): number {
  return WEIGHTS_SCRATCH * Math.max(0, ...layers.map(({ memory, parameters }) => (memory.packsWeights ? parameters : 0)));
}

/**
 * Returns the most values of one sample that exist at the same time: all kept values, and gradients where no kept values were freed for
 * them.
 */
function valuesOfSample(layers: readonly LayerNeeds[], inputSize: number): number {
  const kept = layers.map((_, at) => keptBy(layers, at));
  const all = kept.reduce((sum, values) => sum + values, inputSize);
  /** How many values each layer's gradients are the last to read. The entry after the last layer counts the values that no gradients read. */
  const readLastBy = new Array<number>(layers.length + 1).fill(0);
  for (const [at, { inner }] of layers.entries()) {
    const reader = Math.min(lastReader(layers, at), layers.length);
    readLastBy[reader] = (readLastBy[reader] ?? 0) + (kept[at] ?? 0) - inner;
  }
  let most = all;
  /** How many values are no longer needed when the gradients of layer `at` are computed. */
  let freed = 0;
  for (let at = layers.length - 1; at >= 0; at--) {
    freed += readLastBy[at + 1] ?? 0;
    most = Math.max(most, all - freed + layers[at].memory.gradientValues(layers[at]));
  }
  return most;
}

/** Returns the layer whose gradients are the last to read the output of layer `at`, or infinity if none read it. */
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
