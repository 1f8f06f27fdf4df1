// Errors of a network whose targets are values, and the metrics that follow from them. They equal scikit-learn's, with averages over
// outputs. Sums are computed in float64, in the order of the samples.
import type { TargetArray } from '../data/dataset.ts';
import type { TestMetrics } from './metricDefinitions.ts';

/** The errors of one output of the network. A number is NaN or infinite if an output was not finite. */
export interface OutputErrors {
  readonly meanError: number;
  readonly meanAbsoluteError: number;
  readonly rootMeanSquaredError: number;
  /** R². Null for a single sample. If all targets are equal: 1 without any error, otherwise 0. */
  readonly r2: number | null;
}

/** The function `metrics_of` of a PyTorch script, which computes the same metrics. */
export const valueMetricsInPython = `def metrics_of(output, targets):
    output, targets = output.reshape(len(output), -1).double(), targets.reshape(len(targets), -1).double()
    squares = (output - targets).square().sum(0)
    spread = (targets - targets.mean(0)).square().sum(0)
    r2 = torch.where(spread > 0, 1 - squares / spread, (squares == 0).double())
    return {
        "testAccuracy": None,
        "testMae": (output - targets).abs().mean().item(),
        "testRmse": (squares / len(output)).sqrt().mean().item(),
        "testR2": r2.mean().item() if len(output) > 1 else None,
    }
`;

/** Adds up batches of outputs. */
export class ValueErrors {
  readonly outputs: number;
  samples = 0;
  readonly #errors: Float64Array;
  readonly #absolute: Float64Array;
  readonly #squares: Float64Array;
  /** The targets of the first sample. Sums of distances from them lose fewer digits than sums of the targets. */
  readonly #firstTargets: Float64Array;
  readonly #distances: Float64Array;
  readonly #squaredDistances: Float64Array;

  /** @param outputs the number of outputs of a sample */
  constructor(outputs: number) {
    this.outputs = outputs;
    this.#errors = new Float64Array(outputs);
    this.#absolute = new Float64Array(outputs);
    this.#squares = new Float64Array(outputs);
    this.#firstTargets = new Float64Array(outputs);
    this.#distances = new Float64Array(outputs);
    this.#squaredDistances = new Float64Array(outputs);
  }

  /** Adds a batch. @param outputs [samples, outputs], row-major, as are the targets */
  add(outputs: ArrayLike<number>, targets: TargetArray): void {
    const count = this.outputs;
    if (this.samples === 0) this.#firstTargets.set(targets.subarray(0, count));
    const [errors, absolute, squares] = [this.#errors, this.#absolute, this.#squares];
    const [firstTargets, distances, squaredDistances] = [this.#firstTargets, this.#distances, this.#squaredDistances];
    for (let at = 0; at < targets.length; at += count) {
      for (let i = 0; i < count; i++) {
        const error = outputs[at + i] - targets[at + i];
        errors[i] += error;
        absolute[i] += Math.abs(error);
        squares[i] += error * error;
        const distance = targets[at + i] - firstTargets[i];
        distances[i] += distance;
        squaredDistances[i] += distance * distance;
      }
    }
    this.samples += targets.length / count;
  }

  errorsOf(output: number): OutputErrors {
    const { samples } = this;
    return {
      meanError: this.#errors[output] / samples,
      meanAbsoluteError: this.#absolute[output] / samples,
      rootMeanSquaredError: Math.sqrt(this.#squares[output] / samples),
      r2: this.#r2Of(output),
    };
  }

  #r2Of(output: number): number | null {
    if (this.samples < 2) return null;
    const squares = this.#squares[output];
    const spread = this.#squaredDistances[output] - this.#distances[output] ** 2 / this.samples;
    if (spread > 0) return 1 - squares / spread;
    return squares === 0 ? 1 : squares > 0 ? 0 : NaN;
  }

  /** The metrics of an epoch over the test data. */
  get metrics(): Omit<TestMetrics, 'testLoss'> {
    let [absolute, root, r2] = [0, 0, 0];
    for (let output = 0; output < this.outputs; output++) {
      const errors = this.errorsOf(output);
      absolute += errors.meanAbsoluteError;
      root += errors.rootMeanSquaredError;
      r2 += errors.r2 ?? 0;
    }
    const count = this.outputs;
    return { testAccuracy: null, testMae: absolute / count, testRmse: root / count, testR2: this.samples < 2 ? null : r2 / count };
  }
}
