// Batches of an epoch: the options that every dataset shares in a job spec, the interface of a loader, and the loader
// that gathers each batch when it is asked for. The order of the samples comes from elsewhere; so does the loader that
// works ahead in a thread (src/node/aheadLoader.ts), with the same numbers.
import { z } from 'zod';
import { checkOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { type Dataset, type InputArray, type SampleOrder, type Target, type TargetArray, targetArray, targetSize } from './dataset.ts';
import { LoaderError } from './errors.ts';
import { show } from '../validation.ts';
import { transformSchema } from './transforms/index.ts';
import { type Preparation, SampleReader } from './transforms/reader.ts';

/** Options of a job's `data` that every dataset has, with PyTorch's names in camelCase. */
export const loaderOptions = {
  batchSize: z.int().min(1).default(64).describe('Samples in a step'),
  shuffle: z.boolean().default(true).describe('Visits the training samples in a new order in each epoch'),
  dropLast: z.boolean().default(false).describe('Leaves out the last batch of an epoch when it is not full'),
  transforms: z
    .array(transformSchema)
    .max(32)
    .default([])
    .describe('What is done to each sample when it is read, in this order, after pixels / 255; random ones in training only'),
};

/** One step's samples. The arrays belong to the loader and hold these values until the next batch is asked for. */
export interface Batch {
  /** Number of samples. */
  readonly size: number;
  /** [size, …a sample's shape] */
  readonly inputShape: Shape;
  /** Bytes are pixels, which count as x / 255: `batchTensors` makes them that. */
  readonly inputs: InputArray;
  /** [size], or [size, …a target's shape] */
  readonly targetShape: Shape;
  /** Class indices or values. */
  readonly targets: TargetArray;
}

export interface BatchOptions extends Preparation {
  readonly batchSize: number;
  readonly dropLast: boolean;
}

/** Names of {@link BatchOptions}. */
export const batchOptionNames = ['batchSize', 'dropLast', 'transforms', 'augmentationSeed'] as const;

export interface BatchLoader {
  /**
   * The batches of one pass over `order`, which must not change until the pass ends. A loader has one pass at a time: a
   * new one ends the one before, and leaving the loop early ends it too.
   * @param epoch its number: random transforms do something else in each; default 0
   * @throws ArgumentError for an order longer than the dataset, LoaderError when the loader is closed.
   */
  epoch(order: SampleOrder, epoch?: number): Iterable<Batch>;
  /** Gives back what the loader holds; more than one call does no harm. */
  close(): Promise<void>;
}

/** Batches in a pass over `samples` samples. */
export function batchCount(samples: number, { batchSize, dropLast }: Pick<BatchOptions, 'batchSize' | 'dropLast'>): number {
  return dropLast ? Math.floor(samples / batchSize) : Math.ceil(samples / batchSize);
}

/** The samples of a dataset one after the other. */
export function inOrder(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}

/** @throws ArgumentError unless the size of a batch is a whole number from 1 on. */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ArgumentError(`batchSize must be a whole number from 1 on, got ${show(batchSize)}`);
}

/** @throws ArgumentError for an order that is longer than the dataset. */
export function checkOrder(order: SampleOrder, { length }: Dataset): void {
  if (!ArrayBuffer.isView(order))
    throw new ArgumentError(`an order of samples is a Uint32Array, got ${show(order)}: use Uint32Array.from(order)`);
  if (order.length > length) throw new ArgumentError(`an order of ${order.length} samples is too long: the dataset has ${length}`);
}

/** Samples that a batch of this dataset holds at most. */
export function batchCapacity({ length }: Dataset, { batchSize }: BatchOptions): number {
  return Math.min(batchSize, Math.max(1, length));
}

/** Arrays for one batch, and the batches of any size up to theirs that lie in them. */
export class BatchBuffer {
  readonly inputs: InputArray;
  readonly targets: TargetArray;
  readonly #target: Target;
  readonly #sampleShape: Shape;
  readonly #full: Batch;

  constructor({ target }: Dataset, sampleShape: Shape, inputs: InputArray, targets: TargetArray, capacity: number) {
    this.#target = target;
    this.#sampleShape = sampleShape;
    this.inputs = inputs;
    this.targets = targets;
    this.#full = this.#first(capacity);
  }

  /** The first `size` samples of the arrays. */
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

/** Gathers each batch when it is asked for, in the caller's thread, into the same arrays. */
export class InlineLoader implements BatchLoader {
  readonly #dataset: Dataset;
  readonly #options: BatchOptions;
  readonly #reader: SampleReader;
  readonly #buffer: BatchBuffer;
  #pass = 0;
  #closed = false;

  /** @throws ArgumentError for a batch size below 1, ShapeError for a transform that does not fit. */
  constructor(dataset: Dataset, options: BatchOptions) {
    checkOptions('InlineLoader', options, batchOptionNames);
    checkBatchSize(options.batchSize);
    this.#dataset = dataset;
    this.#options = options;
    const capacity = batchCapacity(dataset, options);
    this.#reader = new SampleReader(dataset, options);
    const { shape, givesPixels } = this.#reader;
    const size = capacity * sizeOf(shape);
    const inputs = givesPixels ? new Uint8Array(size) : new Float32Array(size);
    this.#buffer = new BatchBuffer(dataset, shape, inputs, targetArray(dataset.target, capacity), capacity);
  }

  epoch(order: SampleOrder, epoch = 0): Iterable<Batch> {
    if (this.#closed) throw new LoaderError('the loader is closed');
    checkOrder(order, this.#dataset);
    this.#pass += 1;
    return this.#batches(order, epoch, this.#pass);
  }

  *#batches(order: SampleOrder, epoch: number, pass: number): Generator<Batch, void, void> {
    const { batchSize } = this.#options;
    const count = batchCount(order.length, this.#options);
    for (let i = 0; i < count; i++) {
      if (this.#closed) throw new LoaderError('the loader is closed');
      if (pass !== this.#pass) throw new LoaderError('another pass has begun on this loader');
      const indices = order.subarray(i * batchSize, (i + 1) * batchSize);
      this.#reader.read(indices, epoch, this.#buffer.inputs, this.#buffer.targets);
      yield this.#buffer.batch(indices.length);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
