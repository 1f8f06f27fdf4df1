// Computes statistics of a tensor's values: norm, mean, standard deviation, range and histogram. Sums are computed in float64 in a fixed
// order.
import { z } from 'zod';
import { finiteFields, nonFiniteSchema } from './nonFinite.ts';

/** The number of bins in a histogram. */
export const HISTOGRAM_BINS = 32;

const histogramSchema = z
  .object({
    from: z.number().describe('The left edge of the first bin'),
    to: z.number().describe('The right edge of the last bin. Values at this edge are in the last bin'),
    counts: z.array(z.int().min(0)).describe(`The number of values in each of ${HISTOGRAM_BINS} bins of equal width`),
  })
  .describe(
    'The histogram of the finite values, from the smallest to the largest. If all are equal, it reaches from 0.5 below the value to 0.5 above it',
  );
export type Histogram = z.infer<typeof histogramSchema>;

const measures = {
  norm: z.number().nullable().describe('The Euclidean norm'),
  mean: z.number().nullable(),
  std: z.number().nullable().describe('The standard deviation with the divisor n − 1, as in `torch.std`. Null for a single value'),
  min: z.number().nullable(),
  max: z.number().nullable(),
};
type Measure = keyof typeof measures;

export const statisticsSchema = z.object({
  ...measures,
  histogram: histogramSchema.nullable().describe('Null if no value is finite'),
  nonFinite: nonFiniteSchema('`norm`'),
});
export type Statistics = z.infer<typeof statisticsSchema>;

/** Returns the statistics of a tensor. It must have at least one value. */
export function statisticsOf(values: ArrayLike<number>): Statistics {
  const { length } = values;
  let [sum, squares, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < length; i++) {
    const value = values[i];
    sum += value;
    squares += value * value;
    // NaN passes neither comparison, but it makes the sum NaN.
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const isFinite = Number.isFinite(sum) && Number.isFinite(min) && Number.isFinite(max);
  const mean = sum / length;
  const isNaNAmong = !isFinite && hasNaN(values);
  const spread = isFinite ? spreadOf(values, mean, min, max) : null;
  const numbers: Record<Measure, number | null> = {
    norm: Math.sqrt(squares),
    mean,
    std: length === 1 ? null : spread === null ? NaN : Math.sqrt(spread.squares / (length - 1)),
    min: isNaNAmong ? NaN : min,
    max: isNaNAmong ? NaN : max,
  };
  const histogram = spread === null ? histogramOf(Array.from(values).filter(Number.isFinite)) : spread.histogram;
  return { ...finiteFields(numbers), histogram };
}

/** Computes the sum of the squared distances from the mean, and the histogram, in one pass. All values must be finite. */
function spreadOf(values: ArrayLike<number>, mean: number, min: number, max: number): { squares: number; histogram: Histogram } {
  const [from, to] = min < max ? [min, max] : [min - 0.5, max + 0.5];
  const counts = new Uint32Array(HISTOGRAM_BINS);
  const scale = HISTOGRAM_BINS / (to - from);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const distance = value - mean;
    squares += distance * distance;
    // If the range is so small that the scale is not finite, all values are in the first bin.
    const bin = ((value - from) * scale) | 0;
    counts[bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1] += 1;
  }
  return { squares, histogram: { from, to, counts: Array.from(counts) } };
}

function histogramOf(finite: readonly number[]): Histogram | null {
  if (finite.length === 0) return null;
  const [min, max] = finite.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  return spreadOf(finite, 0, min, max).histogram;
}

function hasNaN(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}
