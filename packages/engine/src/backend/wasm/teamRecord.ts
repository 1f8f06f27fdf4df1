// The record in linear memory through which the threads of a team work together. It has the current job, the ranges of shares that are
// left, and the words on which threads sleep.
//
// A job is cut into shares of equal length, and each thread has a range of them. A thread takes the first share of its range. When its
// range is empty, it takes the last share of another thread's range. So a thread computes the same part of a batch in kernel after kernel,
// and fast threads help a slow one. Each range is one word that changes only by compare-and-swap. A late thread either finds no share, or
// takes a share of the current job: that job cannot end before the share is done, and the record does not change before the job ends.
import { MOST_ARGUMENTS } from './kernels.generated.ts';

/** Indices of int32 words. Words that different threads often write are kept in different cache lines. */
export const Team = {
  /** Incremented for each job and when the team is closed. Idle threads sleep until it changes. */
  turn: 0,
  /** The number of threads that sleep or are about to. If it is 0, no system call is made to wake threads. */
  asleep: 1,
  /** 1 when threads have to end. */
  closed: 2,
  /** Threads that have begun to serve. */
  present: 3,
  /** The number of unfinished shares of the job. The computing thread sleeps until it changes. */
  unfinished: 16,
  /** 1 while the computing thread sleeps. */
  waiting: 17,
  /** 1 after a kernel failed on a thread, or a thread ended. */
  failed: 18,
  /** The job: the kernel's number, its units, and the units of a share (the last share may have fewer). */
  kernel: 32,
  units: 33,
  length: 34,
} as const;

/** Words of a cache line. */
const LINE = 16;
const ARGUMENTS = 48;
/** The ranges begin at the first cache line after the arguments. An argument has two words. */
const RANGES = ARGUMENTS + Math.ceil((2 * MOST_ARGUMENTS) / LINE) * LINE;

export interface TeamRecord {
  readonly words: Int32Array;
  /** The kernel's arguments, without the range of units. */
  readonly args: Float64Array;
}

export const teamRecordBytes = (threads: number): number => (RANGES + threads * LINE) * 4;

/** Returns the record at an address, which must be a multiple of 64. */
export function teamRecordAt(buffer: ArrayBufferLike, address: number, threads: number): TeamRecord {
  return {
    words: new Int32Array(buffer, address, RANGES + threads * LINE),
    args: new Float64Array(buffer, address + ARGUMENTS * 4, MOST_ARGUMENTS),
  };
}

/** Gives a thread the shares from `first` to `end - 1`. `first` and `end` are below 65,536. */
export function writeRange(words: Int32Array, thread: number, first: number, end: number): void {
  Atomics.store(words, RANGES + thread * LINE, first | (end << 16));
}

/** Takes a share for a thread and returns its number, or -1 if none is left. */
export function takeShare(words: Int32Array, threads: number, thread: number): number {
  for (let i = 0; i < threads; i++) {
    const from = thread + i < threads ? thread + i : thread + i - threads;
    const at = RANGES + from * LINE;
    let range = Atomics.load(words, at);
    for (;;) {
      const first = range & 0xffff;
      const end = range >>> 16;
      if (first >= end) break;
      const seen = Atomics.compareExchange(words, at, range, i === 0 ? range + 1 : range - 0x10000);
      if (seen === range) return i === 0 ? first : end - 1;
      range = seen;
    }
  }
  return -1;
}
