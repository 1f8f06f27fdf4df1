// The epoch that a run is in: how far it is and what it has added up. Made anew for each epoch, or from a checkpoint that was
// taken in its midst. It trains nothing.
import { drawOrderSeed, type Generator, sampleOrder } from '../random.ts';
import type { RunState } from './checkpoint.ts';
import { Stopwatch } from './clock.ts';
import { WeightedMean } from './metrics.ts';

type Saved = NonNullable<RunState['epoch']>;

export class EpochInHand {
  /** Steps done. */
  step: number;
  /** Of the last step; NaN before. */
  gradientNorm: number;
  /** In force in its first step. */
  readonly learningRate: number;
  readonly meanLoss: WeightedMean;
  /** Runs while training does. */
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

  /** A new epoch: draws what decides its order. */
  static begin(generator: Generator, shuffle: boolean, learningRate: number): EpochInHand {
    const orderSeed = drawOrderSeed(generator, shuffle)?.toString() ?? null;
    return new EpochInHand({ step: 0, orderSeed, loss: { sum: 0, weight: 0 }, gradientNorm: NaN, learningRate, seconds: 0 });
  }

  /** The epoch that {@link saved} was told of. */
  static resume(saved: Saved): EpochInHand {
    return new EpochInHand(saved);
  }

  /** The samples that are still to be trained on, in their order. */
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
