// How much memory a training takes at most, estimated before it runs: what is kept for the backward pass, the gradients that
// stand at one time, and what lasts. It knows which layers run as one (nn/layers/fusion.ts); nothing is allocated.
import type { LayerSummary } from '../nn/layers/index.ts';
import { sizeOf } from '../shape.ts';

const BYTES_PER_VALUE = 4;
/** Kernels' own room for small networks: packed weights and tiles. */
const SCRATCH_BYTES = 768 * 1024;
/** Packed and transformed weights of a kernel, over the weights. */
const WEIGHTS_SCRATCH = 4;
/** What kernels put beside the largest layer's values: padded images, transformed tiles. */
const VALUES_SCRATCH = 0.5;
/** What is lost where blocks of one size are used again for smaller ones, and to small arrays that are not counted. */
const LOSS = 1.12;

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

/** An upper estimate of the bytes in use at a time: parameters, gradients, optimizer state, activations of a batch, data. */
export function memoryBytes({ layers, inputSize, batch, stateArrays, dataBytes }: MemoryOf): number {
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const mostParameters = layers.reduce(
    (most, layer) => Math.max(most, layer.type === 'conv2d' || layer.type === 'residual' ? layer.parameters : 0),
    0,
  );
  let [kept, passing, before] = [inputSize, 0, inputSize];
  layers.forEach((layer, at) => {
    const size = sizeOf(layer.outputShape);
    kept += keptBy(
      layer,
      layers.slice(at + 1, at + 3).map(({ type }) => type),
    );
    // The gradients of its result and of its input stand at one time; within a residual layer, also that of the sum.
    passing = Math.max(passing, (1 + VALUES_SCRATCH) * (size + Math.max(before, layer.type === 'residual' ? 2 * size : 0)));
    before = size;
  });
  const values = parameters * (2 + stateArrays) + mostParameters * WEIGHTS_SCRATCH + LOSS * batch * (kept + passing);
  return Math.ceil(BYTES_PER_VALUE * values) + dataBytes + SCRATCH_BYTES;
}
