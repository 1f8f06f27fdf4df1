// Estimates the memory that a prediction needs, before anything is allocated for it.
import { findDataset } from '@trainyard/engine/data';
import { type JobSpec, type PredictionCost, predictionCost } from '@trainyard/engine/spec';
import { ProblemError } from '../problems.ts';
import { processBytes } from './messages.ts';

/** The most numbers in all feature maps of a response. */
const mostActivations = 1_000_000;
/** The most numbers in the outputs and probabilities of a response. */
const mostOutputs = 2_000_000;
/** The most numbers in the inputs of a request. */
const mostInputNumbers = 8_000_000;
/** The memory for each number of a response, in bytes. The number is stored three times: in a list, in a text, and in the bytes to send. */
const bytesPerAnswered = 96;
/** The memory for each number of the inputs, in bytes. The number is in memory twice: as received, and after the transforms. */
const bytesPerInput = 8;
/** The memory for each number of an image while it is decoded, in bytes. */
const bytesPerPixel = 32;

export interface RequestedPrediction {
  readonly spec: JobSpec;
  readonly kind: 'values' | 'image';
  readonly samples: number;
  readonly activations: boolean;
}

function tooLarge(message: string): ProblemError {
  return new ProblemError('invalidRequest', `${message}.`, { issues: [{ path: '/inputs', message, code: 'limitExceeded' }] });
}

/** Returns how many samples of this shape fit into a request: at least 1, and no more than `most`. */
export function mostSamplesOf(inputShape: readonly number[], most: number): number {
  const size = inputShape.reduce((product, length) => product * length, 1);
  return Math.max(1, Math.min(most, Math.floor(mostInputNumbers / size)));
}

/**
 * Returns the most memory that a prediction needs, in bytes.
 * @param memoryBytes the memory limit of a prediction process
 * @throws ProblemError 422 if the prediction is too large. The message says what to do
 */
export function neededBytes(request: RequestedPrediction, memoryBytes: number): number {
  const { samples, activations } = request;
  const cost = predictionCost(request.spec);
  const numbers = samples * Math.max(sizeOf(request.spec), cost.inputs);
  if (numbers > mostInputNumbers && request.kind === 'values') {
    throw tooLarge(`the inputs have ${numbers} numbers, but at most ${mostInputNumbers} are allowed: send fewer inputs`);
  }
  if (activations && samples * cost.activations > mostActivations) {
    throw tooLarge(
      `the feature maps have ${samples * cost.activations} numbers, but a response may have at most ${mostActivations}: send fewer inputs`,
    );
  }
  if (samples * cost.outputs > mostOutputs) {
    throw tooLarge(`the outputs have ${samples * cost.outputs} numbers, but a response may have at most ${mostOutputs}: send fewer inputs`);
  }
  const needed = bytesFor(request, cost, samples);
  if (needed <= memoryBytes) return needed;
  const detail = `the prediction needs about ${needed} bytes of memory, but at most ${memoryBytes} are allowed`;
  if (bytesFor(request, cost, 1) > memoryBytes) {
    throw tooLarge(`${detail}: the network is too large to predict here, so download model.safetensors and predict elsewhere`);
  }
  throw tooLarge(`${detail}: send at most ${fitting(request, cost, memoryBytes)} inputs at a time`);
}

function bytesFor({ spec, kind, activations }: RequestedPrediction, cost: PredictionCost, samples: number): number {
  // The received weights are in memory together with the network.
  const weights = 4 * cost.parameters;
  const perSample = bytesPerInput * (sizeOf(spec) + cost.inputs) + bytesPerAnswered * (cost.outputs + (activations ? cost.activations : 0));
  const image = kind === 'image' ? bytesPerPixel * sizeOf(spec) : 0;
  return processBytes + weights + cost.memoryBytes(samples) + samples * perSample + image;
}

/** Returns the largest number of samples that fits. */
function fitting(request: RequestedPrediction, cost: PredictionCost, memoryBytes: number): number {
  let most = request.samples;
  while (most > 1 && bytesFor(request, cost, most) > memoryBytes) most -= 1;
  return most;
}

/** Returns how many numbers one sample has before the transforms. */
function sizeOf({ data }: JobSpec): number {
  return findDataset(data.dataset)
    .describe(data)
    .inputShape.reduce((product, length) => product * length, 1);
}
