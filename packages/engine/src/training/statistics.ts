// What a tensor's values are like: norm, mean, spread, range and histogram, summed in float64 in one fixed order. Defined once
// for whoever computes, stores or shows them. It changes no tensor.
import { z } from 'zod';
import { finiteFields, nonFiniteSchema } from './nonFinite.ts';

/** Bins of a histogram. */
export const HISTOGRAM_BINS = 32;

const histogramSchema = z
  .object({
    from: z.number().describe('Left edge of the first bin'),
    to: z.number().describe('Right edge of the last bin, which holds it too'),
    counts: z.array(z.int().min(0)).describe(`Values in each of ${HISTOGRAM_BINS} bins of equal width`),
  })
  .describe('Of the values that are finite; from the smallest to the largest, or 0.5 to each side where all are one value');
export type Histogram = z.infer<typeof histogramSchema>;

const measures = {
  norm: z.number().nullable().describe('Euclidean'),
  mean: z.number().nullable(),
  std: z.number().nullable().describe('With the divisor n − 1, as `torch.std`; null for a single value'),
  min: z.number().nullable(),
  max: z.number().nullable(),
};
type Measure = keyof typeof measures;

export const statisticsSchema = z.object({
  ...measures,
  histogram: histogramSchema.nullable().describe('null when no value is finite'),
  nonFinite: nonFiniteSchema('`norm`'),
});
export type Statistics = z.infer<typeof statisticsSchema>;

/** Statistics of a tensor of at least one value. */
export function statisticsOf(values: ArrayLike<number>): Statistics {
  const { length } = values;
  let [sum, squares, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < length; i++) {
    const value = values[i];
    sum += value;
    squares += value * value;
    // NaN is neither, and is seen in the sum.
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

/** Squared distances from the mean and the histogram, in one pass over finite values. */
function spreadOf(values: ArrayLike<number>, mean: number, min: number, max: number): { squares: number; histogram: Histogram } {
  const [from, to] = min < max ? [min, max] : [min - 0.5, max + 0.5];
  const counts = new Uint32Array(HISTOGRAM_BINS);
  const scale = HISTOGRAM_BINS / (to - from);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const distance = value - mean;
    squares += distance * distance;
    // A range too small for its scale to be a number has everything in its first bin.
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
