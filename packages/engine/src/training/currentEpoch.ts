// The state of the current epoch: the completed steps and the sums over them. It is created for each epoch, or from a checkpoint that was
// made within an epoch.
import type { Dataset } from '../data/dataset.ts';
import { drawOrder, type OrderDraw, orderOf, type Sampling } from '../data/sampling.ts';
import type { Generator } from '../random.ts';
import type { RunState } from './checkpoint.ts';
import { Stopwatch } from './clock.ts';
import { WeightedMean } from './metrics.ts';

type Saved = NonNullable<RunState['epoch']>;

export class CurrentEpoch {
  /** The number of completed steps. */
  step: number;
  /** The norm of the gradients in the last step. NaN before the first step. */
  gradientNorm: number;
  /** The learning rate of the first step. */
  readonly learningRate: number;
  readonly meanLoss: WeightedMean;
  /** Measures the time of the training. */
  readonly watch: Stopwatch;
  readonly #draw: OrderDraw;
  /** The order of the samples. Null in a resumed epoch, until it is drawn again. */
  #order: Uint32Array | null;

  private constructor(saved: Saved, order: Uint32Array | null) {
    this.step = saved.step;
    this.gradientNorm = saved.gradientNorm;
    this.learningRate = saved.learningRate;
    this.meanLoss = new WeightedMean(saved.loss);
    this.watch = new Stopwatch(saved.seconds);
    this.#order = order;
    this.#draw = { orderSeed: saved.orderSeed, ...(saved.orderState !== undefined && { orderState: saved.orderState }) };
  }

  /** Begins a new epoch and draws its order. */
  static begin(generator: Generator, sampling: Sampling, train: Dataset, learningRate: number): CurrentEpoch {
    const { draw, order } = drawOrder(generator, sampling, train);
    return new CurrentEpoch({ step: 0, ...draw, loss: { sum: 0, weight: 0 }, gradientNorm: NaN, learningRate, seconds: 0 }, order);
  }

  /** Continues an epoch from the state that {@link saved} returned. */
  static resume(saved: Saved): CurrentEpoch {
    return new CurrentEpoch(saved, null);
  }

  /** Returns the indices of all samples of the epoch, in their order. */
  order(train: Dataset): Uint32Array {
    this.#order ??= orderOf(this.#draw, train);
    return this.#order;
  }

  saved(): Saved {
    return {
      step: this.step,
      ...this.#draw,
      loss: this.meanLoss.sums,
      gradientNorm: this.gradientNorm,
      learningRate: this.learningRate,
      seconds: this.watch.seconds,
    };
  }
}
