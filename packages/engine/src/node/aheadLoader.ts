// A loader with a thread, which prepares the next batches in a ring of slots in shared memory while the consumer trains on the current
// batch. The batches have the same numbers as the batches of InlineLoader. If no batch is ready, the consumer blocks its own thread until
// one is, so use this loader only in a process that does nothing but training.
import { Worker } from 'node:worker_threads';
import { type Dataset, type InputArray, type SampleOrder, type Target, type TargetArray, targetSize } from '../data/dataset.ts';
import { LoaderError } from '../data/errors.ts';
import {
  type Batch,
  BatchBuffer,
  type BatchLoader,
  type BatchOptions,
  batchCapacity,
  batchCount,
  checkBatchSize,
  checkOrder,
  visitsFrom,
} from '../data/loader.ts';
import { type Preparation, SampleReader } from '../data/transforms/reader.ts';
import { ThreadLostError } from '../errors.ts';
import { sizeOf } from '../shape.ts';
import { CELLS, cell, FAILURE_BYTES, type PassOrder, type RingSetup, type Slot } from './ring.ts';

export interface AheadOptions extends BatchOptions {
  /** The number of batches to prepare in addition to the current batch. Default: 7. Very large batches reduce it. */
  readonly ahead?: number;
}

/** The maximum size of the ring in bytes. The ring always has room for at least two batches, even if they need more. */
const RING_BYTES = 64 * 1024 * 1024;
/**
 * The consumer waits for a batch for at most WAITS × WAIT_MS, because a thread that runs out of memory cannot report this to a blocked
 * consumer. The wait is divided into short waits: if the process is stopped and continued, the time in between does not count.
 */
const WAIT_MS = 1_000;
const WAITS = 30;

export class AheadLoader implements BatchLoader {
  readonly #dataset: Dataset;
  readonly #options: AheadOptions;
  readonly #buffers: readonly BatchBuffer[];
  readonly #control = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));
  readonly #failure = new Uint8Array(new SharedArrayBuffer(FAILURE_BYTES));
  readonly #thread: Worker;
  #pass = 0;
  /** The number of batches of the current pass that the consumer has requested. */
  #taken = 0;
  #death: ThreadLostError | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Starts the thread. Arrays of the dataset that are not shared memory are copied once.
   * @throws ArgumentError if the batch size is below 1
   * @throws ShapeError if a transform does not fit the samples
   */
  constructor(dataset: Dataset, options: AheadOptions) {
    checkBatchSize(options.batchSize);
    this.#dataset = { ...dataset, inputs: shared(dataset.inputs), targets: shared(dataset.targets) };
    this.#options = options;
    const capacity = batchCapacity(dataset, options);
    const preparation = preparationOf(options);
    const reader = new SampleReader(dataset, preparation);
    const slots = makeSlots(reader, Math.ceil(dataset.length / capacity), capacity, options.ahead ?? 7);
    this.#buffers = slots.map(({ inputs, targets }) => new BatchBuffer(reader, inputs, targets, capacity));
    const setup: RingSetup = {
      dataset: this.#dataset,
      batchSize: options.batchSize,
      preparation,
      slots,
      control: this.#control,
      failure: this.#failure,
    };
    // The thread must not get the flags of the process, such as a script on the command line or a debugger.
    this.#thread = new Worker(threadModule, { workerData: setup, execArgv: [] });
    this.#thread.on('error', (error) => this.#lose(error));
    this.#thread.on('exit', () => this.#lose(null));
  }

  /** The number of batches of the current pass that are ready but not requested yet. */
  get batchesReady(): number {
    const filled = Atomics.load(this.#control, cell.filledPass) === this.#pass ? Atomics.load(this.#control, cell.filled) : 0;
    return Math.max(0, filled - this.#taken);
  }

  epoch(order: SampleOrder, epoch = 0, start = 0): Iterable<Batch> {
    if (this.#closing !== null) throw new LoaderError('the loader is closed');
    if (this.#death !== null) throw this.#death;
    checkOrder(order, this.#dataset);
    this.#pass = (this.#pass % 0x7fffffff) + 1;
    this.#taken = 0;
    this.#want(this.#pass);
    const visits = visitsFrom(order, start, this.#dataset, this.#options);
    const message: PassOrder = { pass: this.#pass, ...visits, epoch, batches: batchCount(visits.order.length, this.#options) };
    this.#thread.postMessage(message, []);
    return this.#batches(message);
  }

  *#batches({ pass, order, batches }: PassOrder): Generator<Batch, void, void> {
    const { batchSize } = this.#options;
    try {
      for (let i = 0; i < batches; i++) {
        this.#check(pass);
        if (!this.#isReady(pass, i)) this.#sleepUntilReady(pass, i);
        this.#taken = i + 1;
        yield this.#buffers[i % this.#buffers.length].batch(Math.min(batchSize, order.length - i * batchSize));
        this.#check(pass);
        this.#free(i + 1);
      }
    } finally {
      // If the loop over the batches ended early, the thread must not prepare further batches.
      if (pass === this.#pass) this.#want(0);
    }
  }

  /** Stops the thread, even during a pass, and waits until it has ended. */
  close(): Promise<void> {
    this.#closing ??= this.#thread.terminate().then(() => {});
    return this.#closing;
  }

  #check(pass: number): void {
    if (this.#closing !== null) throw new LoaderError('the loader is closed');
    if (pass !== this.#pass) throw new LoaderError('another pass has begun on this loader');
  }

  /** Requests a pass; 0 requests none. `pass` is written first, because the thread reads it first. */
  #want(pass: number): void {
    Atomics.store(this.#control, cell.pass, pass);
    Atomics.store(this.#control, cell.freed, 0);
    Atomics.add(this.#control, cell.consumerTurn, 1);
    Atomics.notify(this.#control, cell.consumerTurn);
  }

  /**
   * Frees the slots of the first `batches` batches. A sleeping thread is only woken when half of the ring is empty, because waking a thread
   * takes more time than everything else here.
   */
  #free(batches: number): void {
    Atomics.store(this.#control, cell.freed, batches);
    Atomics.add(this.#control, cell.consumerTurn, 1);
    const left = Atomics.load(this.#control, cell.filled) - batches;
    if (left * 2 <= this.#buffers.length && Atomics.load(this.#control, cell.asleep) === 1) {
      Atomics.notify(this.#control, cell.consumerTurn);
    }
  }

  #isReady(pass: number, batch: number): boolean {
    return Atomics.load(this.#control, cell.filledPass) === pass && Atomics.load(this.#control, cell.filled) > batch;
  }

  #sleepUntilReady(pass: number, batch: number): void {
    for (let waits = 0; waits < WAITS; ) {
      const turn = Atomics.load(this.#control, cell.producerTurn);
      if (this.#isReady(pass, batch)) return;
      if (Atomics.load(this.#control, cell.failedPass) === pass)
        throw new LoaderError(`the loader's thread failed: ${this.#failureText()}`);
      if (this.#death !== null) throw this.#death;
      if (Atomics.load(this.#control, cell.ended) === 1) throw new ThreadLostError("the loader's thread has ended");
      if (Atomics.wait(this.#control, cell.producerTurn, turn, WAIT_MS) === 'timed-out') waits += 1;
    }
    throw new ThreadLostError(`the loader's thread brought no batch within ${(WAITS * WAIT_MS) / 1000} s`);
  }

  #failureText(): string {
    // TextDecoder does not accept shared memory, so the bytes are copied.
    const bytes = this.#failure.slice(0, this.#failure.indexOf(0));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  #lose(cause: unknown): void {
    if (this.#closing === null) this.#death ??= new ThreadLostError("the loader's thread has ended", { cause });
  }
}

/** The module of the thread, in the same folder as this file: compiled (.js) or source (.ts). */
const threadModule = new URL(`./aheadThread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Returns only the options that the thread needs, because they are copied to the thread. */
function preparationOf({ transforms = [], augmentationSeed, statistics = [] }: Preparation): Preparation {
  return { transforms, statistics, ...(augmentationSeed !== undefined && { augmentationSeed }) };
}

function makeSlots({ shape, target, givesPixels }: SampleReader, batches: number, capacity: number, ahead: number): Slot[] {
  const inputBytes = capacity * sizeOf(shape) * (givesPixels ? 1 : Float32Array.BYTES_PER_ELEMENT);
  const targetsSize = capacity * targetSize(target);
  const bytes = inputBytes + Float32Array.BYTES_PER_ELEMENT * targetsSize;
  const count = Math.max(2, Math.min(ahead + 1, batches, Math.floor(RING_BYTES / bytes)));
  return Array.from({ length: count }, () => ({
    inputs: makeInputs(inputBytes, givesPixels),
    targets: makeTargets(target, targetsSize),
  }));
}

function makeInputs(bytes: number, arePixels: boolean): InputArray {
  const buffer = new SharedArrayBuffer(bytes);
  return arePixels ? new Uint8Array(buffer) : new Float32Array(buffer);
}

function makeTargets(target: Target, size: number): TargetArray {
  const buffer = new SharedArrayBuffer(size * Int32Array.BYTES_PER_ELEMENT);
  return target.kind === 'class' ? new Int32Array(buffer) : new Float32Array(buffer);
}

/** Returns the array itself if it uses shared memory, otherwise a copy in shared memory. */
function shared<T extends Dataset['inputs'] | Dataset['targets']>(array: T): T {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  const buffer = new SharedArrayBuffer(array.byteLength);
  new Uint8Array(buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return new (array.constructor as new (buffer: SharedArrayBuffer) => T)(buffer);
}
