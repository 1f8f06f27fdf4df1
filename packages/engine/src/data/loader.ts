// The batches of an epoch: the loader options that every dataset has in a job spec, the interface of a loader, and the loader that reads
// each batch on request. The caller gives the order of the samples. src/node/aheadLoader.ts has a loader that reads ahead in a thread and
// gives the same numbers.
import { z } from 'zod';
import { checkOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { type Dataset, type InputArray, type SampleOrder, type Target, type TargetArray, targetArray, targetSize } from './dataset.ts';
import { LoaderError } from './errors.ts';
import { show } from '../validation.ts';
import { earlierVisits, samplingOptions } from './sampling.ts';
import { transformSchema } from './transforms/index.ts';
import { type BatchPlace, type Preparation, SampleReader } from './transforms/reader.ts';

/** The options of a job's `data` that every dataset has. They have PyTorch's names in camelCase. */
export const loaderOptions = {
  batchSize: z.int().min(1).default(64).describe('The number of samples in a step'),
  ...samplingOptions,
  dropLast: z.boolean().default(false).describe('Leaves out the last batch of an epoch if it has fewer samples than the others'),
  transforms: z
    .array(transformSchema)
    .max(32)
    .default([])
    .describe(
      'The transforms of each sample, applied in this order after pixels are divided by 255. Random transforms change samples in training only',
    ),
};

/** The samples of one step. The loader reuses the arrays: they are valid until the next batch is requested. */
export interface Batch {
  /** The number of samples. */
  readonly size: number;
  /** The size of the batch, then the shape of a sample. */
  readonly inputShape: Shape;
  /** The inputs of all samples. Bytes are pixels; `batchTensors` divides them by 255. */
  readonly inputs: InputArray;
  /** The shape of `targets`: [size] for classes; the size of the batch, then the shape of a target, for values and probabilities. */
  readonly targetShape: Shape;
  /** Class indices, values, or the probability of each class if transforms mix the samples. */
  readonly targets: TargetArray;
}

export interface BatchOptions extends Preparation {
  readonly batchSize: number;
  readonly dropLast: boolean;
}

/** The names of the fields of {@link BatchOptions}. */
export const batchOptionNames = ['batchSize', 'dropLast', 'transforms', 'augmentationSeed', 'statistics'] as const;

export interface BatchLoader {
  /**
   * Returns the batches of one pass over the samples. `order` must not change until the pass ends. A pass ends when all batches were read,
   * when the loop over it is left, or when a new pass begins.
   * @param epoch the number of the epoch. Random transforms depend on it. Default: 0
   * @param start the index in `order` at which the pass begins. The samples before it were visited before an interruption. Default: 0
   * @throws ArgumentError if `order` is longer than the dataset
   * @throws LoaderError if the loader is closed
   */
  epoch(order: SampleOrder, epoch?: number, start?: number): Iterable<Batch>;
  /** Releases the loader's memory and threads. Further calls have no effect. */
  close(): Promise<void>;
}

/** Returns the number of batches in a pass over `samples` samples. */
export function batchCount(samples: number, { batchSize, dropLast }: Pick<BatchOptions, 'batchSize' | 'dropLast'>): number {
  return dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
}

/** Returns the indices 0, 1, 2, … of `length` samples. */
export function inOrder(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}

/** @throws ArgumentError unless the batch size is a whole number of at least 1 */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ArgumentError(`batchSize must be a whole number of at least 1, got ${show(batchSize)}`);
}

/** @throws ArgumentError if the order is not a typed array or is longer than the dataset */
export function checkOrder(order: SampleOrder, { length }: Dataset): void {
  if (!ArrayBuffer.isView(order))
    throw new ArgumentError(`the order of samples must be a Uint32Array, got ${show(order)}: use Uint32Array.from(order)`);
  if (order.length > length) throw new ArgumentError(`the order has ${order.length} samples, but the dataset has only ${length}`);
}

/** The samples of a pass, in order. */
export interface Visits {
  readonly order: SampleOrder;
  /** How often each sample came before in the epoch. Null if no sample comes twice, or no random transform depends on it. */
  readonly earlier: Uint32Array | null;
  /** The index of the first of them in the epoch's order. */
  readonly start: number;
}

/** Returns the samples of a pass that begins at the index `start` of the epoch's order. */
export function visitsFrom(order: SampleOrder, start: number, { length }: Dataset, { augmentationSeed }: Preparation): Visits {
  const earlier = augmentationSeed === undefined ? null : earlierVisits(order, length);
  return { order: order.subarray(start), earlier: earlier?.subarray(start) ?? null, start };
}

/** Returns the place of a batch in its epoch. @param batch the number of batches before it in the pass */
export function placeOf({ earlier, start }: Pick<Visits, 'earlier' | 'start'>, batch: number, batchSize: number): BatchPlace {
  return { step: Math.floor(start / batchSize) + batch + 1, earlier: earlier?.subarray(batch * batchSize) ?? null };
}

/** Returns the number of samples in the largest batch of this dataset. */
export function batchCapacity({ length }: Dataset, { batchSize }: BatchOptions): number {
  return Math.min(batchSize, Math.max(1, length));
}

/** The arrays of one full batch. Smaller batches are views of the same arrays. */
export class BatchBuffer {
  readonly inputs: InputArray;
  readonly targets: TargetArray;
  readonly #target: Target;
  readonly #sampleShape: Shape;
  readonly #full: Batch;

  constructor({ shape, target }: Pick<SampleReader, 'shape' | 'target'>, inputs: InputArray, targets: TargetArray, capacity: number) {
    this.#target = target;
    this.#sampleShape = shape;
    this.inputs = inputs;
    this.targets = targets;
    this.#full = this.#first(capacity);
  }

  /** Returns a batch of the first `size` samples in the arrays. */
  batch(size: number): Batch {
    return size === this.#full.size ? this.#full : this.#first(size);
  }

  #first(size: number): Batch {
    const target = this.#target;
    return {
      size,
      inputShape: [size, ...this.#sampleShape],
      inputs: this.inputs.subarray(0, size * sizeOf(this.#sampleShape)),
      targetShape: target.kind === 'class' ? [size] : [size, ...target.shape],
      targets: this.targets.subarray(0, size * targetSize(target)),
    };
  }
}

/** A loader that reads each batch on request, in the caller's thread. All batches use the same arrays. */
export class InlineLoader implements BatchLoader {
  readonly #dataset: Dataset;
  readonly #options: BatchOptions;
  readonly #reader: SampleReader;
  readonly #buffer: BatchBuffer;
  #pass = 0;
  #closed = false;

  /**
   * @throws ArgumentError if the batch size is below 1
   * @throws ShapeError if a transform does not fit the samples
   */
  constructor(dataset: Dataset, options: BatchOptions) {
    checkOptions('InlineLoader', options, batchOptionNames);
    checkBatchSize(options.batchSize);
    this.#dataset = dataset;
    this.#options = options;
    const capacity = batchCapacity(dataset, options);
    this.#reader = new SampleReader(dataset, options);
    const { shape, target, givesPixels } = this.#reader;
    const size = capacity * sizeOf(shape);
    const inputs = givesPixels ? new Uint8Array(size) : new Float32Array(size);
    this.#buffer = new BatchBuffer(this.#reader, inputs, targetArray(target, capacity), capacity);
  }

  epoch(order: SampleOrder, epoch = 0, start = 0): Iterable<Batch> {
    if (this.#closed) throw new LoaderError('the loader is closed');
    checkOrder(order, this.#dataset);
    this.#pass += 1;
    return this.#batches(visitsFrom(order, start, this.#dataset, this.#options), epoch, this.#pass);
  }

  *#batches(visits: Visits, epoch: number, pass: number): Generator<Batch, void, void> {
    const { batchSize } = this.#options;
    const { order } = visits;
    const count = batchCount(order.length, this.#options);
    for (let i = 0; i < count; i++) {
      if (this.#closed) throw new LoaderError('the loader is closed');
      if (pass !== this.#pass) throw new LoaderError('another pass has begun on this loader');
      const indices = order.subarray(i * batchSize, (i + 1) * batchSize);
      this.#reader.read(indices, epoch, this.#buffer.inputs, this.#buffer.targets, placeOf(visits, i, batchSize));
      yield this.#buffer.batch(indices.length);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
