// Measures of the probabilities that a network gives to classes: the calibration, and the area under the ROC curve of two classes.
import { z } from 'zod';

const BINS = 10;

export const calibrationSchema = z
  .array(
    z.object({
      from: z.number().describe('The lower edge of the bin. Only the first bin contains it'),
      to: z.number().describe('The upper edge of the bin'),
      samples: z.int().min(0),
      meanProbability: z.number().nullable().describe('null if the bin is empty'),
      accuracy: z.number().nullable().describe('Share of the samples that were classified correctly; null if the bin is empty'),
    }),
  )
  .describe(
    `The samples by the probability of their predicted class, in ${BINS} bins of equal width. The probabilities are well calibrated if the accuracy of each bin is near its mean probability`,
  );

/** Sorts samples into bins by the probability of their predicted class. */
export class Calibration {
  readonly #samples = new Uint32Array(BINS);
  readonly #correct = new Uint32Array(BINS);
  readonly #probabilities = new Float64Array(BINS);

  /** @param probability the probability of the predicted class. A sample whose probability is not from 0 to 1 is not counted */
  add(probability: number, isCorrect: boolean): void {
    if (!(probability >= 0 && probability <= 1)) return;
    const bin = Math.max(0, Math.ceil(probability * BINS) - 1);
    this.#samples[bin] += 1;
    this.#probabilities[bin] += probability;
    if (isCorrect) this.#correct[bin] += 1;
  }

  get bins(): z.infer<typeof calibrationSchema> {
    return Array.from(this.#samples, (samples, bin) => ({
      from: bin / BINS,
      to: (bin + 1) / BINS,
      samples,
      meanProbability: samples === 0 ? null : this.#probabilities[bin] / samples,
      accuracy: samples === 0 ? null : this.#correct[bin] / samples,
    }));
  }
}

/** Collects the scores of samples of two classes. */
export class RocCurve {
  #positive = new Scores();
  #negative = new Scores();

  add(score: number, isPositive: boolean): void {
    (isPositive ? this.#positive : this.#negative).add(score);
  }

  /**
   * The area under the curve: the share of pairs of a positive and a negative sample in which the positive one has the higher score. A pair
   * with equal scores counts half. Null if a class has no samples, or a score is not a number.
   */
  get area(): number | null {
    const [positive, negative] = [this.#positive.sorted(), this.#negative.sorted()];
    const pairs = positive.length * negative.length;
    // NaN is sorted to the end.
    if (pairs === 0 || Number.isNaN(positive.at(-1)) || Number.isNaN(negative.at(-1))) return null;
    let [lower, notHigher, won] = [0, 0, 0];
    for (const score of positive) {
      while (lower < negative.length && negative[lower] < score) lower += 1;
      while (notHigher < negative.length && negative[notHigher] <= score) notHigher += 1;
      won += (lower + notHigher) / 2;
    }
    return won / pairs;
  }
}

/** A list of float32 numbers that grows. */
class Scores {
  #values = new Float32Array(256);
  #length = 0;

  add(score: number): void {
    if (this.#length === this.#values.length) {
      const longer = new Float32Array(2 * this.#length);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.#length++] = score;
  }

  sorted(): Float32Array {
    return this.#values.slice(0, this.#length).toSorted();
  }
}
