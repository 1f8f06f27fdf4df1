// What aheadLoader.ts and its thread share: a ring of slots for batches, and the cells through which they tell each other
// how far they are. Each cell has one writer.
import type { InputArray, Dataset, SampleOrder, TargetArray } from '../data/dataset.ts';
import type { Preparation } from '../data/transforms/reader.ts';

/** Indices into the control array. */
export const cell = {
  /** The pass that the consumer wants, 0 for none; written by the consumer. */
  pass: 0,
  /** Batches of the pass that the consumer is done with; written by the consumer. */
  freed: 1,
  /** Changes with everything that the consumer does; the thread sleeps on it. */
  consumerTurn: 2,
  /** 1 while the thread sleeps or is about to; written by the thread. Waking costs a system call, so it is not done in vain. */
  asleep: 3,
  /** The pass that `filled` counts for; written by the thread. */
  filledPass: 4,
  /** Batches of that pass that lie in the ring or have lain there; written by the thread. */
  filled: 5,
  /** The pass in which the thread failed, 0 for none; written by the thread. */
  failedPass: 6,
  /** Changes with everything that the thread does; the consumer sleeps on it. */
  producerTurn: 7,
  /** 1 when the thread has ended; written by the thread. */
  ended: 8,
} as const;

export const CELLS = Object.keys(cell).length;
/** Room for the text of a failure, as UTF-8 ended by a zero. */
export const FAILURE_BYTES = 1024;

/** Where one batch lies. */
export interface Slot {
  readonly inputs: InputArray;
  readonly targets: TargetArray;
}

/** What the thread is started with; every typed array lies in a SharedArrayBuffer. */
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
  readonly epoch: number;
  readonly batches: number;
}
