// The statistics of the training data that transforms such as `standardize` need: mean and standard deviation of each channel. They are
// computed in float64, over the samples as evaluation transforms them.
import { type Shape, sizeOf } from '../../shape.ts';

export interface ChannelStatistics {
  /** One mean for each channel, which is the first dimension of a sample. */
  readonly mean: readonly number[];
  /** One standard deviation for each channel, divided by N. 1 for a channel whose values are all equal. */
  readonly std: readonly number[];
}

/** Adds up the samples of one shape. */
export class StatisticsSums {
  readonly #channels: number;
  readonly #size: number;
  /** The first value of each channel. The sums are over the distances from it, so that equal values have a deviation of exactly 0. */
  readonly #origin: Float64Array;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #samples = 0;

  constructor(shape: Shape) {
    this.#channels = shape[0] ?? 1;
    this.#size = sizeOf(shape) / this.#channels;
    this.#origin = new Float64Array(this.#channels);
    this.#sums = new Float64Array(this.#channels);
    this.#squares = new Float64Array(this.#channels);
  }

  /** Adds one sample. */
  add(sample: Float32Array): void {
    for (let channel = 0; channel < this.#channels; channel++) {
      const begin = channel * this.#size;
      if (this.#samples === 0) this.#origin[channel] = sample[begin];
      const origin = this.#origin[channel];
      let sum = 0;
      let squares = 0;
      for (let i = begin; i < begin + this.#size; i++) {
        const distance = sample[i] - origin;
        sum += distance;
        squares += distance * distance;
      }
      this.#sums[channel] += sum;
      this.#squares[channel] += squares;
    }
    this.#samples += 1;
  }

  get statistics(): ChannelStatistics {
    const count = this.#samples * this.#size;
    const distances = Array.from(this.#sums, (sum) => sum / count);
    return {
      mean: distances.map((distance, channel) => this.#origin[channel] + distance),
      std: distances.map((distance, channel) => {
        const deviation = Math.sqrt(Math.max(0, this.#squares[channel] / count - distance * distance));
        return deviation === 0 ? 1 : deviation;
      }),
    };
  }
}
