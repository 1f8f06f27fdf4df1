// The order in which an epoch visits the training samples: shuffled, one after another, or drawn so that all classes come up equally often.
// The options of a job's `data`, and the draws, which are those of PyTorch's DataLoader with the same sampler.
import { z } from 'zod';
import { ArgumentError } from '../errors.ts';
import { drawOrderSeed, Generator, sampleOrder } from '../random.ts';
import type { Dataset } from './dataset.ts';

const samplings = ['shuffle', 'balanced', 'sequential'] as const;
export type Sampling = (typeof samplings)[number];

/** The options of a job's `data` that decide the order of the samples. */
export const samplingOptions = {
  sampling: z.enum(samplings).optional().meta({
    default: 'shuffle',
    description:
      'The order of the training samples in an epoch. `shuffle`: each sample once, in a new random order. `balanced`: as many random draws as there are samples, in which each class is equally likely; samples of rare classes come up several times. `sequential`: each sample once, in the order of the data',
  }),
  shuffle: z.boolean().optional().meta({
    deprecated: true,
    description:
      'The earlier form of `sampling`: true for `shuffle`, false for `sequential`. A checked spec has it beside these two values',
  }),
};

/** The options of {@link samplingOptions} in a spec. */
export interface SamplingSpec {
  readonly sampling?: Sampling | undefined;
  readonly shuffle?: boolean | undefined;
}

/** Returns how a job's data is sampled. */
export const samplingOf = ({ sampling, shuffle }: SamplingSpec): Sampling => sampling ?? (shuffle === false ? 'sequential' : 'shuffle');

/** Returns the data of a spec with both options of its sampling. `shuffle` is left out for `balanced`, because it has no such value. */
export function withSampling<Data extends object>(data: Data & SamplingSpec): Data {
  const { shuffle: _shuffle, ...rest } = data;
  const sampling = samplingOf(data);
  return { ...rest, sampling, ...(sampling !== 'balanced' && { shuffle: sampling === 'shuffle' }) } as typeof data;
}

/** Returns the error message for two options with different meanings; null if they agree. */
export function samplingConflict({ sampling, shuffle }: SamplingSpec): string | null {
  if (sampling === undefined || shuffle === undefined || (sampling !== 'balanced' && shuffle === (sampling === 'shuffle'))) return null;
  return `sampling is "${sampling}", but shuffle: ${shuffle} means "${shuffle ? 'shuffle' : 'sequential'}": remove shuffle`;
}

/** Returns the schema of a job's data with a check of its sampling. The result of parsing has both options. */
export function checkedSampling<Schema extends z.ZodObject>(schema: Schema): Schema {
  return schema
    .check(({ value, issues }) => {
      const message = samplingConflict(value);
      if (message !== null) issues.push({ code: 'custom', path: ['shuffle'], message, input: value });
    })
    .overwrite((value) => withSampling(value));
}

/**
 * Draws indices with replacement, as `torch.multinomial(weights, count, replacement=True)` does for float64 weights on the CPU.
 * @param weights the weights of the indices. They need not sum to 1
 */
export function multinomial(generator: Generator, weights: Float64Array, count: number): Uint32Array {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i];
    cumulative[i] = sum;
  }
  for (let i = 0; i < weights.length; i++) cumulative[i] /= sum;
  const draws = generator.uniform_(new Float64Array(count));
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = firstAtLeast(cumulative, draws[i]);
  return indices;
}

/** Returns the first index whose value is at least `value`. The values are in ascending order. */
function firstAtLeast(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the weight of each sample: 1 divided by the number of samples of its class. @throws ArgumentError if the targets are not classes */
function balancingWeights({ length, target, targets }: Dataset): Float64Array {
  if (target.kind !== 'class') throw new ArgumentError('balanced sampling: the targets must be classes, got values');
  const counts = new Float64Array(target.classes.length);
  for (let sample = 0; sample < length; sample++) counts[targets[sample]] += 1;
  const weights = new Float64Array(length);
  for (let sample = 0; sample < length; sample++) weights[sample] = 1 / counts[targets[sample]];
  return weights;
}

/**
 * Draws the order of an epoch in which each class is equally likely, as a DataLoader with a WeightedRandomSampler does: first the base seed,
 * then as many samples as there are.
 * @param train the training part
 * @throws ArgumentError if the targets are not classes
 */
export function balancedOrder(generator: Generator, train: Dataset): Uint32Array {
  drawOrderSeed(generator, false);
  return multinomial(generator, balancingWeights(train), train.length);
}

/** What decides the order of an epoch. It can be converted to JSON and back without loss, and gives the same order again. */
export interface OrderDraw {
  /** The seed of a shuffled order, as a text because it is too large for a JSON number. Null for other orders. */
  readonly orderSeed: string | null;
  /** For a balanced order: the state of the run's generator before the epoch's draws. */
  readonly orderState?: ReturnType<Generator['getState']> | undefined;
}

/** Draws the order of an epoch. @param generator the run's generator, which moves on by all draws of the epoch's order */
export function drawOrder(
  generator: Generator,
  sampling: Sampling,
  train: Dataset,
): { readonly draw: OrderDraw; readonly order: Uint32Array } {
  if (sampling === 'balanced') {
    const draw = { orderSeed: null, orderState: generator.getState() };
    return { draw, order: balancedOrder(generator, train) };
  }
  const draw = { orderSeed: drawOrderSeed(generator, sampling === 'shuffle')?.toString() ?? null };
  return { draw, order: orderOf(draw, train) };
}

/** Returns the order of an epoch again. */
export function orderOf({ orderSeed, orderState }: OrderDraw, train: Dataset): Uint32Array {
  if (orderState !== undefined) return balancedOrder(new Generator().setState(orderState), train);
  return sampleOrder(orderSeed === null ? null : BigInt(orderSeed), train.length);
}

/** Returns how often each sample of an order came before in it. Null if no sample comes twice. */
export function earlierVisits(order: Uint32Array | Int32Array, samples: number): Uint32Array | null {
  const visits = new Uint32Array(samples);
  const earlier = new Uint32Array(order.length);
  let isRepeated = false;
  for (let i = 0; i < order.length; i++) {
    const before = visits[order[i]]++;
    earlier[i] = before;
    isRepeated ||= before > 0;
  }
  return isRepeated ? earlier : null;
}
