// The details of an evaluation over the test part, besides its loss. For classes: the scores of each class, the confusion matrix, and the
// wrong predictions with the highest probabilities. For values: the errors of each output. The batches of the evaluation are added up as
// they are computed.
import { z } from 'zod';
import type { Target, TargetArray } from '../data/dataset.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { Calibration, calibrationSchema, RocCurve } from './classProbabilities.ts';
import { ClassCounts } from './classMetrics.ts';
import type { TestMetrics } from './metricDefinitions.ts';
import { NonFiniteNumbers, nonFiniteSchema } from './nonFinite.ts';
import { ValueErrors } from './valueMetrics.ts';

/** The most wrong predictions that an evaluation lists. */
const MOST_WRONG = 20;
/** With more classes, the confusion matrix is omitted, because its size grows with the square of their number. */
const MOST_CLASSES = 256;
/** If a sample has more outputs, the errors of single outputs are omitted. */
const MOST_OUTPUTS = 1024;

const epoch = z.int().min(1);
const samples = z.int().min(0).describe('The number of test samples');
const classIndex = z.int().min(0);

const scores = {
  precision: z.number().describe('Share of the samples with this prediction that are of the class; 0 if there are none'),
  recall: z.number().describe('Share of the samples of the class that have this prediction; 0 if there are none'),
  f1: z.number().describe('Harmonic mean of precision and recall; 0 if both are 0'),
};
/** Evaluations of earlier versions do not have these fields. */
const laterScores = z.object({ ...scores, support: samples }).partial().shape;
const meanScores = z.object({ ...scores, support: samples });

const ofClasses = z.object({
  kind: z.literal('classes'),
  epoch,
  samples,
  accuracy: z.number().describe('Share of all samples that were classified correctly'),
  classes: z.array(z.string()).describe('Names of the classes, in the order of their indices'),
  perClass: z
    .array(
      z.object({
        class: classIndex,
        samples,
        correct: z.int().min(0),
        accuracy: z.number().nullable().describe('null if the class has no samples'),
        ...laterScores,
      }),
    )
    .describe('The results for each class, in the order of the classes'),
  macro: meanScores
    .optional()
    .describe('Means of the scores of all classes that are a target or a prediction. Missing in evaluations of earlier versions'),
  weighted: meanScores
    .optional()
    .describe('Means of the scores of the classes, weighted by their numbers of samples. Missing in evaluations of earlier versions'),
  rocAuc: z
    .number()
    .nullable()
    .optional()
    .describe(
      'Area under the ROC curve of the probability of the second class. Only for two classes; null if the test part has only one of them',
    ),
  calibration: calibrationSchema.optional(),
  confusionMatrix: z
    .array(z.array(z.int().min(0)))
    .nullable()
    .describe(
      `Number of samples by [true class][predicted class]. Samples without a predicted class are not counted. null if there are more than ${MOST_CLASSES} classes`,
    ),
  mostConfidentlyWrong: z
    .array(
      z.object({
        index: z.int().min(0).describe('Index of the sample in the test part'),
        trueClass: classIndex,
        predictedClass: classIndex,
        probability: z.number().describe('Probability of the predicted class'),
      }),
    )
    .describe(`The wrong predictions with the highest probabilities, at most ${MOST_WRONG}, the highest first`),
  unclassified: z
    .int()
    .min(1)
    .optional()
    .describe(
      'The number of samples without a predicted class, because an output was not finite. They count as wrong. Missing if there are none',
    ),
});

const ofValues = z.object({
  kind: z.literal('values'),
  epoch,
  samples,
  outputs: z
    .array(
      z.object({
        index: z.int().min(0).describe('Index of the output, row-major'),
        meanError: z.number().nullable().describe('Mean of output − target'),
        meanAbsoluteError: z.number().nullable(),
        rootMeanSquaredError: z.number().nullable(),
        r2: z.number().nullable().optional().describe('Coefficient of determination R²; null for a single sample'),
      }),
    )
    .nullable()
    .describe(`Errors of each output of the network; null if a sample has more than ${MOST_OUTPUTS} outputs`),
  nonFinite: nonFiniteSchema('`outputs/3/meanError`'),
});

export const evaluationSchema = z.discriminatedUnion('kind', [ofClasses, ofValues]);
/** The evaluation of an epoch over the test part. */
export type Evaluation = z.infer<typeof evaluationSchema>;

/** Adds up the batches of an evaluation, in the order of the samples. */
export interface EvaluationTally {
  /** @param probabilities returns the probabilities of the outputs; it is called only if they are needed */
  add(output: Tensor, targets: TargetArray, probabilities: () => Tensor): void;
  /** The share of samples that were classified correctly; null for values. */
  readonly accuracy: number | null;
  /** The metrics of the epoch, without the loss. */
  readonly metrics: Omit<TestMetrics, 'testLoss'>;
  summary(epoch: number): Evaluation;
}

export function tallyFor(target: Target): EvaluationTally {
  return target.kind === 'class' ? new ClassTally(target) : new ValueTally(sizeOf(target.shape));
}

type Wrong = z.infer<typeof ofClasses>['mostConfidentlyWrong'][number];

class ClassTally implements EvaluationTally {
  readonly #classes: readonly string[];
  readonly #counts: ClassCounts;
  readonly #calibration = new Calibration();
  readonly #roc: RocCurve | null;
  readonly #confusion: Uint32Array | null;
  #wrong: Wrong[] = [];
  #unclassified = 0;

  constructor(target: Extract<Target, { kind: 'class' }>) {
    const { length } = target.classes;
    this.#classes = target.classes;
    this.#counts = new ClassCounts(target);
    this.#roc = length === 2 ? new RocCurve() : null;
    this.#confusion = length > MOST_CLASSES ? null : new Uint32Array(length ** 2);
  }

  get accuracy(): number {
    return this.#counts.accuracy;
  }

  get metrics(): Omit<TestMetrics, 'testLoss'> {
    return this.#counts.metrics;
  }

  add(output: Tensor, targets: TargetArray, probabilities: () => Tensor): void {
    const classes = this.#classes.length;
    const wrong: Omit<Wrong, 'probability'>[] = [];
    const before = this.#counts.samples;
    const probability = probabilities().values;
    this.#counts.add(output.values, targets, (row, trueClass, predictedClass) => {
      this.#roc?.add(probability[row * classes + 1], trueClass === 1);
      if (predictedClass === null) {
        this.#unclassified += 1;
        return;
      }
      this.#calibration.add(probability[row * classes + predictedClass], predictedClass === trueClass);
      if (this.#confusion !== null) this.#confusion[trueClass * classes + predictedClass] += 1;
      if (predictedClass !== trueClass) wrong.push({ index: before + row, trueClass, predictedClass });
    });
    if (wrong.length > 0) {
      this.#keepSurest(wrong, ({ index, predictedClass }) => probability[(index - before) * classes + predictedClass]);
    }
  }

  summary(epoch: number): Evaluation {
    const classes = this.#classes.length;
    const [confusion, counts] = [this.#confusion, this.#counts];
    return {
      kind: 'classes',
      epoch,
      samples: counts.samples,
      accuracy: this.accuracy,
      classes: [...this.#classes],
      perClass: Array.from(counts.support, (samples, index) => {
        const correct = counts.correct[index];
        const accuracy = samples === 0 ? null : correct / samples;
        return { class: index, samples, correct, accuracy, ...counts.scoresOf(index), support: samples };
      }),
      macro: { ...counts.macro(), support: counts.samples },
      weighted: { ...counts.weighted(), support: counts.samples },
      ...(this.#roc !== null && { rocAuc: this.#roc.area }),
      calibration: this.#calibration.bins,
      confusionMatrix:
        confusion === null
          ? null
          : Array.from({ length: classes }, (_, row) => Array.from(confusion.subarray(row * classes, (row + 1) * classes))),
      mostConfidentlyWrong: this.#wrong,
      ...(this.#unclassified > 0 && { unclassified: this.#unclassified }),
    };
  }

  /**
   * Keeps the wrong predictions with the highest probabilities. If several have the same probability, earlier samples are kept. Predictions
   * whose probability is not finite are ignored.
   */
  #keepSurest(wrong: readonly Omit<Wrong, 'probability'>[], probabilityOf: (wrong: Omit<Wrong, 'probability'>) => number): void {
    const least = this.#wrong.length < MOST_WRONG ? -Infinity : (this.#wrong.at(-1)?.probability ?? -Infinity);
    const surer = wrong.flatMap((sample) => {
      const probability = probabilityOf(sample);
      return probability > least && Number.isFinite(probability) ? [{ ...sample, probability }] : [];
    });
    this.#wrong = [...this.#wrong, ...surer].toSorted((a, b) => b.probability - a.probability || a.index - b.index).slice(0, MOST_WRONG);
  }
}

class ValueTally implements EvaluationTally {
  readonly accuracy = null;
  readonly #errors: ValueErrors;

  constructor(outputs: number) {
    this.#errors = new ValueErrors(outputs);
  }

  get metrics(): Omit<TestMetrics, 'testLoss'> {
    return this.#errors.metrics;
  }

  add(output: Tensor, targets: TargetArray): void {
    this.#errors.add(output.values, targets);
  }

  summary(epoch: number): Evaluation {
    const { outputs, samples: seen } = this.#errors;
    const found = new NonFiniteNumbers();
    const errorsOf = (index: number) => {
      const finite = (value: number | null, field: string): number | null =>
        value === null ? null : found.finite(value, `outputs/${index}/${field}`);
      const errors = this.#errors.errorsOf(index);
      return {
        index,
        meanError: finite(errors.meanError, 'meanError'),
        meanAbsoluteError: finite(errors.meanAbsoluteError, 'meanAbsoluteError'),
        rootMeanSquaredError: finite(errors.rootMeanSquaredError, 'rootMeanSquaredError'),
        r2: finite(errors.r2, 'r2'),
      };
    };
    const shown = outputs > MOST_OUTPUTS ? null : Array.from({ length: outputs }, (_, index) => errorsOf(index));
    return { kind: 'values', epoch, samples: seen, outputs: shown, ...found.field };
  }
}
