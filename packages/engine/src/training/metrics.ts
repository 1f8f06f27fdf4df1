// What a run measures: the metrics of an epoch and the result of a job, defined once for everybody who shows or
// stores them; sample-weighted means and accuracy.
import { z } from 'zod';
import { stoppedEarlySchema } from './earlyStopping.ts';
import { classOf } from './classOf.ts';
import { nonFiniteName } from './nonFinite.ts';

const measured = {
  trainLoss: z.number().nullable().describe('Sample-weighted mean of the batch losses as they were when trained on'),
  testLoss: z.number().nullable().describe('null without a test set'),
  testAccuracy: z.number().nullable().describe('Share of test samples classified correctly, 0 to 1; null without a test set or classes'),
  gradientNorm: z.number().nullable().describe("Euclidean norm of all parameters' gradients in the epoch's last step, before clipping"),
  learningRate: z.number().nullable().describe("The one in force in the epoch's first step"),
};
type Measured = keyof typeof measured;

/** Numbers of one epoch. One that is not finite is null, and `nonFinite` says what it was. */
export const epochMetricsSchema = z.object({
  epoch: z.int().min(1),
  ...measured,
  seconds: z.number().min(0).describe('Training time, without evaluation'),
  samplesPerSecond: z.number().min(0),
  nonFinite: z
    .partialRecord(z.enum(Object.keys(measured) as Measured[]), nonFiniteName)
    .optional()
    .describe('For each field that is null because its number was not finite: which one it was'),
});
export type EpochMetrics = z.infer<typeof epochMetricsSchema>;

export const divergenceSchema = z.object({
  epoch: z.int().min(1),
  step: z.int().min(1).describe('In its epoch'),
  kind: z.enum(['input', 'parameter', 'output', 'target', 'loss', 'gradient']).describe('What the tensor is'),
  name: z.string().describe("A parameter's name, or that of the layer whose output it is"),
  value: nonFiniteName.describe('Its first value that is not finite'),
});
/** The first tensor of a run that was not finite. */
export type Divergence = z.infer<typeof divergenceSchema>;

/** What a run comes to, beside its weights. */
export const trainingSummarySchema = z.object({
  finalTrainLoss: z.number().nullable(),
  bestTestLoss: z.number().nullable(),
  testAccuracy: z.number().nullable().describe('Of the last epoch'),
  parameters: z.int().min(0),
  weightsSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('SHA-256 of the little-endian weights and buffers, tensors in name order'),
  engineVersion: z
    .string()
    .describe(
      'Equal versions mean equal weightsSha256; one with +relaxed promises that of no two machines, one that ends in mixed, of a run that versions took from each other, of no two runs',
    ),
  peakMemoryBytes: z.int().min(0).describe('Most memory that tensors and data took at a time'),
  seconds: z.number().min(0).describe('From loading the data to the final weights'),
  stoppedEarly: stoppedEarlySchema.optional().describe('Where early stopping ended the run; not there when it went its full length'),
  divergence: divergenceSchema.optional().describe('Where a run that was to go on nevertheless first went non-finite'),
  nonFinite: z
    .partialRecord(z.enum(['finalTrainLoss', 'bestTestLoss']), nonFiniteName)
    .optional()
    .describe('For each field that is null because its number was not finite: which one it was; of the best loss that of the last epoch'),
});
export type TrainingSummary = z.infer<typeof trainingSummarySchema>;

/** All that a weighted mean remembers. */
export interface WeightedSums {
  readonly sum: number;
  readonly weight: number;
}

/** A mean weighted by sample counts, in float64. */
export class WeightedMean {
  #sum: number;
  #weight: number;

  /** @param begun where an earlier one stood. */
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

  /** NaN before the first value. */
  get value(): number {
    return this.#sum / this.#weight;
  }
}

/** How many rows of [rows, classes] predict the target's class. A row with an output that is not finite predicts none. */
export function countCorrect(outputs: ArrayLike<number>, targets: ArrayLike<number>, classes: number): number {
  let correct = 0;
  for (let row = 0; row < targets.length; row++) if (classOf(outputs, row * classes, classes) === targets[row]) correct += 1;
  return correct;
}

/** The losses of a result that are null because they were not finite, by what they were. */
export function lostLosses(last: EpochMetrics | null, bestTestLoss: number | null): Pick<TrainingSummary, 'nonFinite'> {
  const { trainLoss, testLoss } = last?.nonFinite ?? {};
  const nonFinite = {
    ...(trainLoss !== undefined && { finalTrainLoss: trainLoss }),
    ...(testLoss !== undefined && bestTestLoss === null && { bestTestLoss: testLoss }),
  };
  return Object.keys(nonFinite).length === 0 ? {} : { nonFinite };
}
