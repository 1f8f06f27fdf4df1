// Estimates the cost of a prediction before it runs. The estimate itself allocates nothing.
import { describeData } from '../data/datasets/index.ts';
import { ShapeError } from '../errors.ts';
import { findLoss } from '../losses/index.ts';
import { inferShapes } from '../nn/layers/index.ts';
import { sizeOf } from '../shape.ts';
import { predictionMemoryBytes } from './memory.ts';
import type { JobSpec } from './jobSpec.ts';

export interface PredictionCost {
  readonly parameters: number;
  /** The count of input values of one sample, after the data's transforms. */
  readonly inputs: number;
  /** The count of values in the response for one sample: the outputs, and the probabilities if the loss defines them. */
  readonly outputs: number;
  /** The count of values in the outputs of all layers for one sample. */
  readonly activations: number;
  /** Returns an estimate of the most bytes that the engine uses to predict this number of samples at once. */
  memoryBytes(samples: number): number;
}

/**
 * Estimates the cost of predictions with a job's network. @throws ShapeError if the layers do not fit the data. A checked spec always fits.
 */
export function predictionCost(spec: JobSpec): PredictionCost {
  const { inputShape } = describeData(spec.data);
  const inferred = inferShapes(spec.model.layers, inputShape);
  if (!inferred.ok) throw new ShapeError(inferred.error.message);
  const { layers } = inferred;
  const sizes = layers.map(({ outputShape }) => sizeOf(outputShape));
  const inputs = sizeOf(inputShape);
  return {
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    inputs,
    outputs: (sizes.at(-1) ?? inputs) * (findLoss(spec.loss.type).probabilities === undefined ? 1 : 2),
    activations: sizes.reduce((sum, size) => sum + size, 0),
    memoryBytes: (samples) => predictionMemoryBytes({ layers, inputSize: inputs }, samples),
  };
}
