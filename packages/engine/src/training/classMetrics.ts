// Counts of classified samples, and the metrics that follow from them. They equal scikit-learn's with `zero_division=0`. A sample with an
// output that is not finite has no predicted class, and counts as wrong.
import type { Target, TargetArray } from '../data/dataset.ts';
import { classOf } from './classOf.ts';
import { type TestMetrics, TOP5_CLASSES } from './metricDefinitions.ts';

/** How well a class was recognised. All are from 0 to 1, and 0 where a denominator is 0. */
export interface ClassScores {
  /** The share of the samples with this prediction that are of this class. */
  readonly precision: number;
  /** The share of the samples of this class that have this prediction. */
  readonly recall: number;
  /** The harmonic mean of precision and recall. */
  readonly f1: number;
}

const scoreNames = ['precision', 'recall', 'f1'] as const satisfies readonly (keyof ClassScores)[];

/** Adds up batches of outputs of a network that classifies. */
export class ClassCounts {
  /** The number of samples of each class. */
  readonly support: Uint32Array;
  /** The number of samples with each prediction. */
  readonly predicted: Uint32Array;
  /** The number of correctly classified samples of each class. */
  readonly correct: Uint32Array;
  samples = 0;
  readonly #measuresTop5: boolean;
  #amongFirst5 = 0;

  constructor({ classes }: Extract<Target, { kind: 'class' }>) {
    const { length } = classes;
    this.support = new Uint32Array(length);
    this.predicted = new Uint32Array(length);
    this.correct = new Uint32Array(length);
    this.#measuresTop5 = length >= TOP5_CLASSES;
  }

  /**
   * Adds a batch.
   * @param outputs [samples, classes], row-major
   * @param classified is called for each sample with its row in the batch, its class and the predicted class
   */
  add(
    outputs: ArrayLike<number>,
    targets: TargetArray,
    classified: (row: number, trueClass: number, predictedClass: number | null) => void = () => {},
  ): void {
    const classes = this.support.length;
    for (let row = 0; row < targets.length; row++) {
      const trueClass = targets[row];
      const predictedClass = classOf(outputs, row * classes, classes);
      this.support[trueClass] += 1;
      if (predictedClass !== null) {
        this.predicted[predictedClass] += 1;
        if (predictedClass === trueClass) this.correct[trueClass] += 1;
        if (this.#measuresTop5 && rankOf(outputs, row * classes, classes, trueClass) < 5) this.#amongFirst5 += 1;
      }
      classified(row, trueClass, predictedClass);
    }
    this.samples += targets.length;
  }

  get accuracy(): number {
    return this.correct.reduce((sum, count) => sum + count, 0) / this.samples;
  }

  /** The metrics of an epoch over the test data. */
  get metrics(): Omit<TestMetrics, 'testLoss'> {
    const top5 = this.#measuresTop5 ? { testTop5: this.#amongFirst5 / this.samples } : {};
    return { testAccuracy: this.accuracy, testF1: this.macro().f1, ...top5 };
  }

  scoresOf(index: number): ClassScores {
    const [correct, support, predicted] = [this.correct[index], this.support[index], this.predicted[index]];
    return { precision: share(correct, predicted), recall: share(correct, support), f1: share(2 * correct, support + predicted) };
  }

  /** Returns the means of the scores of all classes that are a target or a prediction. */
  macro(): ClassScores {
    return this.#mean((index) => (this.support[index] + this.predicted[index] > 0 ? 1 : 0));
  }

  /** Returns the means of the scores of all classes, weighted by their numbers of samples. */
  weighted(): ClassScores {
    return this.#mean((index) => this.support[index]);
  }

  #mean(weightOf: (index: number) => number): ClassScores {
    const sums = { precision: 0, recall: 0, f1: 0 };
    let weights = 0;
    for (let index = 0; index < this.support.length; index++) {
      const weight = weightOf(index);
      if (weight === 0) continue;
      const scores = this.scoresOf(index);
      for (const name of scoreNames) sums[name] += scores[name] * weight;
      weights += weight;
    }
    return { precision: share(sums.precision, weights), recall: share(sums.recall, weights), f1: share(sums.f1, weights) };
  }
}

/** Returns the function `metrics_of` of a PyTorch script, which computes the same metrics. @param classes the number of classes */
export function classMetricsInPython(classes: number): string {
  const top5 =
    classes < TOP5_CLASSES
      ? ''
      : `
    own = output.gather(1, targets[:, None])
    larger = (output > own) | ((output == own) & (torch.arange(${classes}) < targets[:, None]))
    metrics["testTop5"] = ((larger.sum(1) < 5) & (predicted < ${classes})).sum().item() / len(targets)`;
  return `def metrics_of(output, targets):
    # A sample with an output that is not finite has no predicted class.
    predicted = torch.where(output.isfinite().all(1), output.argmax(1), ${classes})
    correct = torch.bincount(targets[predicted == targets], minlength=${classes})
    counts = torch.bincount(targets, minlength=${classes}) + torch.bincount(predicted, minlength=${classes})[:${classes}]
    f1 = 2 * correct[counts > 0].double() / counts[counts > 0]
    metrics = {"testAccuracy": correct.sum().item() / len(targets), "testF1": f1.mean().item()}${top5}
    return metrics
`;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Returns how many outputs of a sample are larger than that of a class. Of equal outputs, the first is the largest. */
function rankOf(outputs: ArrayLike<number>, start: number, classes: number, of: number): number {
  const own = outputs[start + of];
  let larger = 0;
  for (let i = 0; i < classes; i++) if (outputs[start + i] > own || (outputs[start + i] === own && i < of)) larger += 1;
  return larger;
}
