// The schemas of an epoch's metrics and of a job's result, and the functions that compute sample-weighted means and accuracy.
import { z } from 'zod';
import { stoppedEarlySchema } from './earlyStopping.ts';
import { classOf } from './classOf.ts';
import { descriptionOf, furtherMetrics } from './metricDefinitions.ts';
import { nonFiniteName } from './nonFinite.ts';

const measured = {
  trainLoss: z
    .number()
    .nullable()
    .describe(
      'The mean of the losses of all batches, weighted by their numbers of samples. Each loss is computed before the update of its step.',
    ),
  testLoss: z.number().nullable().describe(descriptionOf('testLoss')),
  testAccuracy: z.number().nullable().describe(descriptionOf('testAccuracy')),
  ...furtherMetrics,
  gradientNorm: z.number().nullable().describe("The Euclidean norm of all gradients in the epoch's last step, before clipping."),
  learningRate: z
    .number()
    .nullable()
    .describe("The optimizer's own learning rate in the epoch's first step. Groups of the optimizer may have others."),
};
type Measured = keyof typeof measured;

/** The numbers of one epoch. A number that is not finite is null, and `nonFinite` says which number it was. */
export const epochMetricsSchema = z.object({
  epoch: z.int().min(1),
  ...measured,
  seconds: z.number().min(0).describe('The time of the training in seconds, without the evaluation.'),
  samplesPerSecond: z.number().min(0),
  nonFinite: z
    .partialRecord(z.enum(Object.keys(measured) as Measured[]), nonFiniteName)
    .optional()
    .describe('For each field that is null because its number was not finite: that number.'),
});
export type EpochMetrics = z.infer<typeof epochMetricsSchema>;

export const divergenceSchema = z.object({
  epoch: z.int().min(1),
  step: z.int().min(1).describe('The step within the epoch, from 1.'),
  kind: z.enum(['input', 'parameter', 'output', 'target', 'loss', 'gradient']).describe('The kind of the tensor.'),
  name: z.string().describe('The name of the parameter, or of the layer that computed the output.'),
  value: nonFiniteName.describe('The first value of the tensor that is not finite.'),
});
/** The first tensor of a run that was not finite. */
export type Divergence = z.infer<typeof divergenceSchema>;

/** The result of a run, without its weights. */
export const trainingSummarySchema = z.object({
  finalTrainLoss: z.number().nullable(),
  bestTestLoss: z.number().nullable(),
  testAccuracy: z.number().nullable().describe('The test accuracy of the last epoch.'),
  parameters: z.int().min(0),
  trainedParameters: z
    .int()
    .min(0)
    .optional()
    .describe('The number of parameters that were trained: all that are not frozen. Absent in results of earlier versions.'),
  classWeights: z.array(z.number().min(0)).optional().describe('The factor of each class in the loss, if its `weight` is `balanced`.'),
  weightsSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('The SHA-256 of the weights and buffers as little-endian bytes, in the order of the names of their tensors.'),
  engineVersion: z
    .string()
    .describe(
      'The version of the engine that trained the job. Two runs of the same spec with the same version have the same weightsSha256. There are two exceptions. Versions that end in `+relaxed` may give other weights on another machine. Versions that end in `mixed` (the run was resumed by another version) may give other weights in any other run.',
    ),
  peakMemoryBytes: z.int().min(0).describe('The largest memory that tensors and data used at the same time, in bytes.'),
  seconds: z.number().min(0).describe('The time from the loading of the data to the final weights.'),
  stoppedEarly: stoppedEarlySchema.optional().describe('Where early stopping ended the run. Absent if all epochs were trained.'),
  divergence: divergenceSchema.optional().describe('The first tensor that was not finite, in a run that continued nevertheless.'),
  nonFinite: z
    .partialRecord(z.enum(['finalTrainLoss', 'bestTestLoss']), nonFiniteName)
    .optional()
    .describe(
      'For each field that is null because its number was not finite: that number. For `bestTestLoss` it is the test loss of the last epoch.',
    ),
});
export type TrainingSummary = z.infer<typeof trainingSummarySchema>;

/** The state of a weighted mean. */
export interface WeightedSums {
  readonly sum: number;
  readonly weight: number;
}

/** A mean weighted by sample counts, in float64. */
export class WeightedMean {
  #sum: number;
  #weight: number;

  /** @param begun the state of an earlier mean, which this one continues */
  constructor(begun: WeightedSums = { sum: 0, weight: 0 }) {
    this.#sum = begun.sum;
    this.#weight = begun.weight;
  }

  add(value: number, weight: number): void {
    this.#sum += value * weight;
    this.#weight += weight;
  }

  get sums(): WeightedSums {
    return { sum: this.#sum, weight: this.#weight };
  }

  /** The mean. NaN before the first value. */
  get value(): number {
    return this.#sum / this.#weight;
  }
}

/** Returns how many rows of [rows, classes] predict the target's class. A row with an output that is not finite predicts no class. */
export function countCorrect(outputs: ArrayLike<number>, targets: ArrayLike<number>, classes: number): number {
  let correct = 0;
  for (let row = 0; row < targets.length; row++) if (classOf(outputs, row * classes, classes) === targets[row]) correct += 1;
  return correct;
}

/** Returns the losses of a result that are null because they were not finite, by their fields. */
export function lostLosses(last: EpochMetrics | null, bestTestLoss: number | null): Pick<TrainingSummary, 'nonFinite'> {
  const { trainLoss, testLoss } = last?.nonFinite ?? {};
  const nonFinite = {
    ...(trainLoss !== undefined && { finalTrainLoss: trainLoss }),
    ...(testLoss !== undefined && bestTestLoss === null && { bestTestLoss: testLoss }),
  };
  return Object.keys(nonFinite).length === 0 ? {} : { nonFinite };
}
