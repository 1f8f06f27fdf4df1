// The details of an evaluation over the test part, besides its loss. For classes: the confusion matrix, and the wrong predictions with the
// highest probabilities. For values: the error of each output. The batches of the evaluation are added up as they are computed.
import { z } from 'zod';
import type { Target, TargetArray } from '../data/dataset.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { classOf } from './classOf.ts';
import { NonFiniteNumbers, nonFiniteSchema } from './nonFinite.ts';

/** The most wrong predictions that an evaluation lists. */
const MOST_WRONG = 20;
/** With more classes, the confusion matrix is omitted, because its size grows with the square of their number. */
const MOST_CLASSES = 256;
/** If a sample has more outputs, the errors of single outputs are omitted. */
const MOST_OUTPUTS = 1024;

const epoch = z.int().min(1);
const samples = z.int().min(0).describe('The number of test samples');
const classIndex = z.int().min(0);

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
      }),
    )
    .describe('The results for each class, in the order of the classes'),
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
  summary(epoch: number): Evaluation;
}

export function tallyFor(target: Target): EvaluationTally {
  return target.kind === 'class' ? new ClassTally(target.classes) : new ValueTally(sizeOf(target.shape));
}

type Wrong = z.infer<typeof ofClasses>['mostConfidentlyWrong'][number];

class ClassTally implements EvaluationTally {
  readonly #classes: readonly string[];
  readonly #samples: Uint32Array;
  readonly #correct: Uint32Array;
  readonly #confusion: Uint32Array | null;
  #wrong: Wrong[] = [];
  #unclassified = 0;
  #seen = 0;

  constructor(classes: readonly string[]) {
    this.#classes = classes;
    this.#samples = new Uint32Array(classes.length);
    this.#correct = new Uint32Array(classes.length);
    this.#confusion = classes.length > MOST_CLASSES ? null : new Uint32Array(classes.length ** 2);
  }

  get accuracy(): number {
    return this.#correct.reduce((sum, count) => sum + count, 0) / this.#seen;
  }

  add(output: Tensor, targets: TargetArray, probabilities: () => Tensor): void {
    const classes = this.#classes.length;
    const { values } = output;
    const wrong: Omit<Wrong, 'probability'>[] = [];
    for (let row = 0; row < targets.length; row++) {
      const predictedClass = classOf(values, row * classes, classes);
      const trueClass = targets[row];
      this.#samples[trueClass] += 1;
      if (predictedClass === null) {
        this.#unclassified += 1;
        continue;
      }
      if (this.#confusion !== null) this.#confusion[trueClass * classes + predictedClass] += 1;
      if (predictedClass === trueClass) this.#correct[trueClass] += 1;
      else wrong.push({ index: row, trueClass, predictedClass });
    }
    if (wrong.length > 0) this.#keepSurest(wrong, probabilities().values);
    this.#seen += targets.length;
  }

  summary(epoch: number): Evaluation {
    const classes = this.#classes.length;
    const confusion = this.#confusion;
    return {
      kind: 'classes',
      epoch,
      samples: this.#seen,
      accuracy: this.accuracy,
      classes: [...this.#classes],
      perClass: Array.from(this.#samples, (samples, index) => {
        const correct = this.#correct[index];
        return { class: index, samples, correct, accuracy: samples === 0 ? null : correct / samples };
      }),
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
  #keepSurest(wrong: readonly Omit<Wrong, 'probability'>[], probabilities: ArrayLike<number>): void {
    const least = this.#wrong.length < MOST_WRONG ? -Infinity : (this.#wrong.at(-1)?.probability ?? -Infinity);
    const surer = wrong.flatMap(({ index, ...classes }) => {
      const probability = probabilities[index * this.#classes.length + classes.predictedClass];
      return probability > least && Number.isFinite(probability) ? [{ index: this.#seen + index, ...classes, probability }] : [];
    });
    this.#wrong = [...this.#wrong, ...surer].toSorted((a, b) => b.probability - a.probability || a.index - b.index).slice(0, MOST_WRONG);
  }
}

class ValueTally implements EvaluationTally {
  readonly accuracy = null;
  readonly #outputs: number;
  readonly #errors: Float64Array;
  readonly #absolute: Float64Array;
  readonly #squares: Float64Array;
  #seen = 0;

  constructor(outputs: number) {
    this.#outputs = outputs;
    const kept = outputs > MOST_OUTPUTS ? 0 : outputs;
    this.#errors = new Float64Array(kept);
    this.#absolute = new Float64Array(kept);
    this.#squares = new Float64Array(kept);
  }

  add(output: Tensor, targets: TargetArray): void {
    const { values } = output;
    const rows = output.shape[0];
    this.#seen += rows;
    const kept = this.#errors.length;
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < kept; i++) {
        const error = values[row * this.#outputs + i] - targets[row * this.#outputs + i];
        this.#errors[i] += error;
        this.#absolute[i] += Math.abs(error);
        this.#squares[i] += error * error;
      }
    }
  }

  summary(epoch: number): Evaluation {
    const found = new NonFiniteNumbers();
    const finite = (value: number, index: number, field: string): number | null => found.finite(value, `outputs/${index}/${field}`);
    const outputs = Array.from(this.#errors, (error, index) => ({
      index,
      meanError: finite(error / this.#seen, index, 'meanError'),
      meanAbsoluteError: finite(this.#absolute[index] / this.#seen, index, 'meanAbsoluteError'),
      rootMeanSquaredError: finite(Math.sqrt(this.#squares[index] / this.#seen), index, 'rootMeanSquaredError'),
    }));
    const shown = this.#errors.length < this.#outputs ? null : outputs;
    return { kind: 'values', epoch, samples: this.#seen, outputs: shown, ...found.field };
  }
}
