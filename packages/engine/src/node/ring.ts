// The shared memory of aheadLoader.ts (the consumer) and its thread: a ring of slots for batches, and cells with their progress. Each cell
// is written by only one of the two.
import type { InputArray, Dataset, SampleOrder, TargetArray } from '../data/dataset.ts';
import type { Preparation } from '../data/transforms/reader.ts';

/** Indices into the control array. */
export const cell = {
  /** The pass that the consumer requests, or 0 for none. Written by the consumer. */
  pass: 0,
  /** The number of batches of the pass whose slots are free again. Written by the consumer. */
  freed: 1,
  /** A counter that changes whenever the consumer has changed a cell. The thread waits for such a change. */
  consumerTurn: 2,
  /** 1 while the thread sleeps or begins to sleep. Written by the thread. The consumer reads it to avoid system calls that wake nobody. */
  asleep: 3,
  /** The pass whose batches `filled` counts. Written by the thread. */
  filledPass: 4,
  /** The number of batches of that pass that the thread has finished. Written by the thread. */
  filled: 5,
  /** The pass in which the thread failed, or 0 for none. Written by the thread. */
  failedPass: 6,
  /** A counter that changes whenever the thread has changed a cell. The consumer waits for such a change. */
  producerTurn: 7,
  /** 1 when the thread has ended. Written by the thread. */
  ended: 8,
} as const;

export const CELLS = Object.keys(cell).length;
/** The size of the text of a failure: UTF-8, with a zero byte at its end. */
export const FAILURE_BYTES = 1024;

/** The arrays of one batch. */
export interface Slot {
  readonly inputs: InputArray;
  readonly targets: TargetArray;
}

/** The data with which the thread is started. Every typed array uses a SharedArrayBuffer. */
export interface RingSetup {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly preparation: Preparation;
  readonly slots: readonly Slot[];
  readonly control: Int32Array;
  readonly failure: Uint8Array;
}

/** The message that begins a pass. */
export interface PassOrder {
  readonly pass: number;
  readonly order: SampleOrder;
  /** How often each sample of `order` came before in the epoch; see Visits in data/loader.ts. */
  readonly earlier: Uint32Array | null;
  readonly epoch: number;
  /** The index of the first sample of `order` in the order of the epoch. */
  readonly start: number;
  readonly batches: number;
}
