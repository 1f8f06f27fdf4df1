// Computes the cost of a job before it runs, per layer and in total. It allocates nothing.
import { z } from 'zod';
import type { DatasetDescription } from '../data/define.ts';
import type { LayerSummary } from '../nn/layers/index.ts';
import { sizeOf } from '../shape.ts';
import { firstTrained, memoryBytes } from './memory.ts';
import type { JobSpec } from './jobSpec.ts';

export const summarySchema = z.object({
  layers: z
    .array(
      z.object({
        index: z.int().min(0),
        name: z.string().describe('The name of the layer. The names of its parameters begin with it'),
        type: z.string(),
        outputShape: z.array(z.int().min(1)).readonly().describe("The shape of one sample's output"),
        parameters: z.int().min(0),
        multiplyAdds: z.int().min(0).describe("Of one sample's forward pass"),
      }),
    )
    .readonly(),
  totals: z.object({
    parameters: z.int().min(0),
    multiplyAdds: z.int().min(0).describe("Of one sample's forward pass"),
    memoryBytes: z
      .int()
      .min(0)
      .describe(
        'An estimate of the memory of the training: parameters, gradients, optimizer state, the activations of one batch and their gradients, the data, and copies for writing files. Training rarely needs more',
      ),
    seconds: z
      .number()
      .min(0)
      .describe('A rough estimate of the training time on a current machine with a core for each thread of the job'),
  }),
});
export type Summary = z.infer<typeof summarySchema>;

/**
 * The multiply-adds per second of the kernels on one core. A step needs the multiply-adds of a layer once for the forward pass, once for the
 * gradients of its weights, and once for the gradient of its input.
 */
const MULTIPLY_ADDS_PER_SECOND = 30e9;
/** The time in which a step writes and reads a value between two layers, and its gradient. In a forward pass alone it is a third of that. */
const SECONDS_PER_VALUE = 5e-9;
/** The part of the time that threads share. */
const PARALLEL_SHARE = 0.9;
/** The additional time of each step. It does not depend on the size of the network. */
const SECONDS_PER_STEP = 100e-6;

/** The parameters that a job trains. */
export interface Trained {
  /** For each layer, how many of its parameters are trained. */
  readonly byLayer: readonly number[];
  /** The number of values that the optimizer keeps for all of them together. */
  readonly stateValues: number;
}

/** Returns the multiply-adds of a training step for one sample. A frozen layer needs no gradients of weights; before the first layer that is
 * trained, there is no backward pass. */
function stepMultiplyAdds(layers: readonly LayerSummary[], trained: readonly number[]): number {
  const first = firstTrained(layers, trained);
  return layers.reduce((sum, { multiplyAdds, parameters }, at) => {
    const passes = at < first ? 1 : parameters > 0 && trained[at] === 0 ? 2 : 3;
    return sum + passes * multiplyAdds;
  }, 0);
}

/** Returns the totals of a job. */
export function totalsOf(layers: readonly LayerSummary[], spec: JobSpec, data: DatasetDescription, trained: Trained): Summary['totals'] {
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  const memory = memoryOf(layers, spec, data, trained)(spec.data.batchSize);
  const seconds = spec.epochs * secondsOfEpoch(layers, spec, data, trained);
  return { parameters, multiplyAdds, memoryBytes: memory, seconds: Math.round(seconds * 1000) / 1000 };
}

/** Returns the function that estimates the memory of a job for a batch size. */
export function memoryOf(
  layers: readonly LayerSummary[],
  spec: JobSpec,
  data: DatasetDescription,
  trained: Trained,
): (batchSize: number) => number {
  const sizes = {
    layers,
    inputSize: sizeOf(data.inputShape),
    trained: trained.byLayer,
    stateValues: trained.stateValues,
    threads: spec.threads,
    dataBytes: (data.trainSamples + data.testSamples) * data.bytesPerSample,
  };
  return (batchSize) => memoryBytes({ ...sizes, batch: Math.min(batchSize, data.trainSamples) });
}

function secondsOfEpoch(layers: readonly LayerSummary[], spec: JobSpec, data: DatasetDescription, { byLayer }: Trained): number {
  const { trainSamples, testSamples } = data;
  const steps = Math.ceil(trainSamples / Math.min(spec.data.batchSize, trainSamples));
  const multiplyAdds = layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0);
  const values = layers.reduce((sum, { outputShape, innerActivations = 0 }) => sum + sizeOf(outputShape) + innerActivations, 0);
  const ofStep = stepMultiplyAdds(layers, byLayer) / MULTIPLY_ADDS_PER_SECOND + values * SECONDS_PER_VALUE;
  const ofEvaluation = multiplyAdds / MULTIPLY_ADDS_PER_SECOND + (values * SECONDS_PER_VALUE) / 3;
  const onOneCore = trainSamples * ofStep + testSamples * ofEvaluation;
  return steps * SECONDS_PER_STEP + onOneCore * (1 - PARALLEL_SHARE + PARALLEL_SHARE / spec.threads);
}
