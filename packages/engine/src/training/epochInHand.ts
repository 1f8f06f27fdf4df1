// The state of the current epoch: the completed steps and the sums over them. It is created for each epoch, or from a checkpoint that was
// made within an epoch.
import { drawOrderSeed, type Generator, sampleOrder } from '../random.ts';
import type { RunState } from './checkpoint.ts';
import { Stopwatch } from './clock.ts';
import { WeightedMean } from './metrics.ts';

type Saved = NonNullable<RunState['epoch']>;

export class EpochInHand {
  /** The number of completed steps. */
  step: number;
  /** The norm of the gradients in the last step. NaN before the first step. */
  gradientNorm: number;
  /** The learning rate of the first step. */
  readonly learningRate: number;
  readonly meanLoss: WeightedMean;
  /** Measures the time of the training. */
  readonly watch: Stopwatch;
  readonly #orderSeed: bigint | null;

  private constructor(saved: Saved) {
    this.step = saved.step;
    this.gradientNorm = saved.gradientNorm;
    this.learningRate = saved.learningRate;
    this.meanLoss = new WeightedMean(saved.loss);
    this.watch = new Stopwatch(saved.seconds);
    this.#orderSeed = saved.orderSeed === null ? null : BigInt(saved.orderSeed);
  }

  /** Begins a new epoch and draws the seed of its order. */
  static begin(generator: Generator, shuffle: boolean, learningRate: number): EpochInHand {
    const orderSeed = drawOrderSeed(generator, shuffle)?.toString() ?? null;
    return new EpochInHand({ step: 0, orderSeed, loss: { sum: 0, weight: 0 }, gradientNorm: NaN, learningRate, seconds: 0 });
  }

  /** Continues an epoch from the state that {@link saved} returned. */
  static resume(saved: Saved): EpochInHand {
    return new EpochInHand(saved);
  }

  /** Returns the indices of the remaining samples, in their order. */
  rest(samples: number, batchSize: number): Uint32Array {
    return sampleOrder(this.#orderSeed, samples).subarray(this.step * batchSize);
  }

  saved(): Saved {
    return {
      step: this.step,
      orderSeed: this.#orderSeed?.toString() ?? null,
      loss: this.meanLoss.sums,
      gradientNorm: this.gradientNorm,
      learningRate: this.learningRate,
      seconds: this.watch.seconds,
    };
  }
}
