// Estimates the memory that a prediction needs, before anything is allocated for it.
import { findDataset } from '@trainyard/engine/data';
import { type JobSpec, type PredictionCost, predictionCost } from '@trainyard/engine/spec';
import { processBytes } from './messages.ts';
import { type Remedy, tooLarge } from './remedies.ts';

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

/** How a request sends its samples, and their place in the request. */
const places = { inputs: '/inputs', rows: '/rows', table: '', image: '' } as const;

export interface RequestedPrediction {
  readonly spec: JobSpec;
  readonly sentAs: keyof typeof places;
  readonly samples: number;
  readonly activations: boolean;
}

/** Returns how many samples of this shape fit into a request: at least 1, and no more than `most`. */
export function mostSamplesOf(inputShape: readonly number[], most: number): number {
  const size = inputShape.reduce((product, length) => product * length, 1);
  return Math.max(1, Math.min(most, Math.floor(mostInputNumbers / size)));
}

/** A limit on the size of a prediction. */
interface Limit {
  readonly most: number;
  readonly sizeOf: (request: RequestedPrediction) => number;
  /** Returns what is too large. */
  readonly complaint: (size: number) => string;
}

function limitsOf(cost: PredictionCost, memoryBytes: number): readonly Limit[] {
  return [
    {
      most: mostInputNumbers,
      // An image is decoded to the size of one sample, which may be larger than this limit.
      sizeOf: ({ spec, samples, sentAs }) => (sentAs === 'image' ? 0 : samples * Math.max(numbersOf(spec), cost.inputs)),
      complaint: (numbers) => `the inputs have ${numbers} numbers, but at most ${mostInputNumbers} are allowed`,
    },
    {
      most: mostActivations,
      sizeOf: ({ samples, activations }) => (activations ? samples * cost.activations : 0),
      complaint: (numbers) => `the feature maps have ${numbers} numbers, but a response may have at most ${mostActivations}`,
    },
    {
      most: mostOutputs,
      sizeOf: ({ samples }) => samples * cost.outputs,
      complaint: (numbers) => `the outputs have ${numbers} numbers, but a response may have at most ${mostOutputs}`,
    },
    {
      most: memoryBytes,
      sizeOf: (request) => bytesFor(request, cost),
      complaint: (bytes) => `the prediction needs about ${bytes} bytes of memory, but at most ${memoryBytes} are allowed`,
    },
  ];
}

/**
 * Returns the most memory that a prediction needs, in bytes.
 * @param memoryBytes the memory limit of a prediction process
 * @throws ProblemError 422 if the prediction is too large. The message says what to do
 */
export function neededBytes(request: RequestedPrediction, memoryBytes: number): number {
  const cost = predictionCost(request.spec);
  for (const { most, sizeOf, complaint } of limitsOf(cost, memoryBytes)) {
    const size = sizeOf(request);
    if (size > most)
      throw tooLarge(
        complaint(size),
        smallerPrediction(request, (smaller) => sizeOf(smaller) <= most),
      );
  }
  return bytesFor(request, cost);
}

/**
 * Returns how a client can make a prediction smaller.
 * @param fits returns whether a smaller prediction is within the limit. If omitted, the limit is one of time or memory that only the
 *   computation shows: the remedy then has no number of samples
 */
export function smallerPrediction(request: RequestedPrediction, fits?: (smaller: RequestedPrediction) => boolean): Remedy {
  const path = places[request.sentAs];
  const noun = request.sentAs === 'inputs' ? 'input' : 'row';
  const mayFit = fits ?? (() => true);
  if (request.samples > 1 && mayFit({ ...request, samples: 1 })) {
    if (fits === undefined) return { path, action: `send fewer ${noun}s` };
    let most = request.samples - 1;
    while (!fits({ ...request, samples: most })) most -= 1;
    return { path, action: most === 1 ? `send one ${noun} at a time` : `send at most ${most} ${noun}s at a time` };
  }
  if (request.activations && mayFit({ ...request, samples: 1, activations: false }))
    return { path: '?activations', action: 'omit ?activations=true' };
  const elsewhere = 'download model.safetensors and predict elsewhere';
  return { path, action: fits === undefined ? elsewhere : `the network is too large to predict here, so ${elsewhere}` };
}

function bytesFor({ spec, sentAs, samples, activations }: RequestedPrediction, cost: PredictionCost): number {
  // The received weights are in memory together with the network.
  const weights = 4 * cost.parameters;
  const perSample =
    bytesPerInput * (numbersOf(spec) + cost.inputs) + bytesPerAnswered * (cost.outputs + (activations ? cost.activations : 0));
  const image = sentAs === 'image' ? bytesPerPixel * numbersOf(spec) : 0;
  return processBytes + weights + cost.memoryBytes(samples) + samples * perSample + image;
}

/** Returns how many numbers one sample has before the transforms. */
function numbersOf({ data }: JobSpec): number {
  return findDataset(data.dataset)
    .describe(data)
    .inputShape.reduce((product, length) => product * length, 1);
}
