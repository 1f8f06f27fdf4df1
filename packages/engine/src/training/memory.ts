// Estimates the most memory that a training run needs, before it runs: values that are kept for the backward pass, gradients that exist at
// the same time, and what lasts for the whole run. It knows which layers run as one (nn/layers/fusion.ts) and allocates nothing. It also
// estimates a prediction, which keeps nothing for a backward pass.
import type { LayerSummary } from '../nn/layers/index.ts';
import { sizeOf } from '../shape.ts';

const BYTES_PER_VALUE = 4;
/** A thread's own room for small networks: packed weights and tiles. */
const SCRATCH_BYTES = 1024 * 1024;
/** Packed and transformed weights of a kernel, over the weights. */
const WEIGHTS_SCRATCH = 4;
/** What kernels put beside the largest layer's values: padded images, transformed tiles. */
const VALUES_SCRATCH = 0.5;
/** What is lost where blocks of one size are used again for smaller ones, and to small arrays that are not counted. */
const LOSS = 1.12;

/** Layers whose gradients are computed from their result. */
const readsResult = new Set(['relu', 'maxPool2d', 'softmax', 'logSoftmax']);
/** Those whose gradients are computed from the result alone, or from neither that nor the input. */
const readsNeither = new Set([...readsResult, 'avgPool2d', 'adaptiveAvgPool2d', 'upsample', 'dropout']);
/** Those whose input's gradient takes the place of their result's. */
const isInPlace = new Set(
  ['relu', 'relu6', 'leakyRelu', 'elu', 'gelu', 'silu', 'sigmoid', 'tanh', 'softplus', 'hardSwish', 'dropout', 'flatten'].concat(
    'batchNorm1d',
    'batchNorm2d',
  ),
);
/** Layers with a batch norm, which has a counter of its batches. */
const withCounts = new Set(['batchNorm1d', 'batchNorm2d', 'residual']);
const withScratch = new Set(['conv2d', 'convTranspose2d', 'linear']);

export interface MemoryOf {
  readonly layers: readonly LayerSummary[];
  /** Values of one sample's input. */
  readonly inputSize: number;
  /** Samples in a step. */
  readonly batch: number;
  /** Arrays of the size of a parameter that the optimizer keeps for each. */
  readonly stateArrays: number;
  /** Bytes of all samples as they are held. */
  readonly dataBytes: number;
  /** Threads that compute, each of which has room of its own. */
  readonly threads: number;
}

/** Values of one sample that the layer leaves for the backward pass; `next` are the types of the layers after it. */
function keptBy({ type, outputShape, innerActivations = 0 }: LayerSummary, next: readonly string[]): number {
  const isRectified = next[0] === 'relu' || (next[0] === 'maxPool2d' && next[1] === 'relu');
  if (type === 'flatten' || ((type === 'conv2d' || type === 'linear') && isRectified)) return innerActivations;
  // Pooled by the convolution before: the pooled values are the first to be stored.
  if (type === 'relu' && next[0] === 'maxPool2d') return 0;
  // Beside the largest values, where they stood.
  if (type === 'maxPool2d') return 2 * sizeOf(outputShape);
  return sizeOf(outputShape) + innerActivations;
}

/**
 * Returns how many copies of all parameters exist at the same time while a file is written. A checkpoint has the parameters and the
 * optimizer's state. A file of weights counts twice, for the file and its hash, and once more with counters, because the hash then has
 * another order.
 */
function copiesForFiles(layers: readonly LayerSummary[], stateArrays: number): number {
  const keepsCounts = layers.some(({ type }) => withCounts.has(type));
  return Math.max(1 + stateArrays, keepsCounts ? 3 : 2);
}

/**
 * Returns an upper estimate of the bytes that a training run uses at the same time: parameters, gradients, optimizer state, activations of
 * a batch, data, and copies for files.
 */
export function memoryBytes({ layers, inputSize, batch, stateArrays, dataBytes, threads }: MemoryOf): number {
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
export function predictionMemoryBytes({ layers, inputSize }: Pick<MemoryOf, 'layers' | 'inputSize'>, samples: number): number {
  let before = inputSize;
  let most = 0;
  for (const { outputShape, innerActivations = 0, type } of layers) {
    const size = sizeOf(outputShape);
    // A residual block keeps the results of its layers, and its kernels need scratch memory in addition.
    const inner = innerActivations * (type === 'residual' ? 1 + VALUES_SCRATCH : 1);
    // Activations and norms that consist of several operations need one more array.
    const scratch = withScratch.has(type) ? VALUES_SCRATCH * Math.max(before, size) : size;
    most = Math.max(most, before + size + inner + scratch);
    before = size;
  }
  // At the end there are three arrays: the outputs, their probabilities, and one that these are computed with.
  most = Math.max(most, 3 * before);
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return Math.ceil(BYTES_PER_VALUE * (parameters + packedWeights(layers) + LOSS * samples * most)) + SCRATCH_BYTES;
}

/** Returns the number of packed and transformed weights of the largest layer that has such weights. */
function packedWeights(layers: readonly LayerSummary[]): number {
  const sizes = layers.map(({ type, parameters }) => (type === 'conv2d' || type === 'residual' ? parameters : 0));
  return WEIGHTS_SCRATCH * Math.max(0, ...sizes);
}

/** Values of one sample that stand at a time at most: all activations, and gradients as far as they find no room where activations were. */
function valuesOfSample(layers: readonly LayerSummary[], inputSize: number): number {
  const types = layers.map(({ type }) => type);
  const kept = layers.map((layer, at) => keptBy(layer, types.slice(at + 1, at + 3)));
  const all = kept.reduce((sum, values) => sum + values, inputSize);
  /** How many values each layer's gradients are the last to read. The entry after the last layer counts the values that no gradients read. */
  const readLastBy = new Array<number>(layers.length + 1).fill(0);
  for (const [result, { innerActivations = 0 }] of layers.entries()) {
    const reader = Math.min(lastReader(types, result), layers.length);
    readLastBy[reader] = (readLastBy[reader] ?? 0) + (kept[result] ?? 0) - innerActivations;
  }
  let most = all;
  /** How many values are no longer needed when the gradients of layer `at` are computed. */
  let freed = 0;
  for (let at = layers.length - 1; at >= 0; at--) {
    freed += readLastBy[at + 1] ?? 0;
    const size = sizeOf(layers[at].outputShape);
    const before = at === 0 ? inputSize : sizeOf(layers[at - 1].outputShape);
    most = Math.max(most, all - freed + gradientsAt(layers[at].type, size, before));
  }
  return most;
}

/** The layer whose gradients are the last to be computed from a layer's result; beyond all for one that none are computed from. */
function lastReader(types: readonly string[], result: number): number {
  if (readsResult.has(types[result])) return firstOfOne(types, result);
  const next = types[result + 1];
  return next === undefined || readsNeither.has(next) ? Infinity : result + 1;
}

/** Where the layers begin that run as one with this one. */
function firstOfOne(types: readonly string[], at: number): number {
  let first = at;
  while (first > 0 && at - first < 2 && (types[first] === 'relu' || types[first] === 'maxPool2d')) first -= 1;
  return types[first] === 'conv2d' || types[first] === 'linear' ? first : at;
}

/** Of its result and its input, with what kernels put beside them. */
function gradientsAt(type: string, size: number, before: number): number {
  if (isInPlace.has(type)) return size;
  if (type === 'softmax') return 2 * size;
  if (type === 'residual') return (1 + VALUES_SCRATCH) * (size + Math.max(before, 2 * size));
  return (withScratch.has(type) ? 1 + VALUES_SCRATCH : 1) * (size + before);
}
