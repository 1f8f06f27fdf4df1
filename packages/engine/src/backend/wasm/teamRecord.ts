// What the threads of a team share beside their data: a record in linear memory with the job in hand, the ranges of its shares that
// are still to be had, and the words that threads sleep on.
//
// A job is cut into shares of equal length; each thread has a range of them, takes from its lower end, and when it is empty from
// the upper ends of the others': so a thread meets the same part of a batch in kernel after kernel, and nobody waits for a slow
// one for long. A range is one word, changed by compare-and-swap alone, and says itself whether anything is left. Who takes a
// share may therefore be as late as it likes: it either takes nothing, or a share of the job in hand, which then cannot end
// before that share is done, and so the record holds still until then.

/** Indices of int32 words. What different threads write again and again lies in cache lines of its own. */
export const Team = {
  /** Changes with each job and with the end; idle threads sleep on it. */
  turn: 0,
  /** Threads that sleep or are about to: to wake nobody costs a system call too. */
  asleep: 1,
  /** 1 when threads are to end. */
  closed: 2,
  /** Threads that have begun to serve. */
  present: 3,
  /** Shares of the job that are not done; the computing thread sleeps on it. */
  unfinished: 16,
  /** 1 while it does. */
  waiting: 17,
  /** 1 after a kernel failed on a thread, or a thread ended. */
  failed: 18,
  /** The job: the kernel's number, its units, and the units of a share (the last may have fewer). */
  kernel: 32,
  units: 33,
  length: 34,
} as const;

const ARGUMENTS = 48;
/** kernels/build.mjs refuses kernels with more. */
const MOST_ARGUMENTS = 24;
const RANGES = ARGUMENTS + 2 * MOST_ARGUMENTS;
const LINE = 16;

export interface TeamRecord {
  readonly words: Int32Array;
  /** The kernel's arguments but for its units. */
  readonly args: Float64Array;
}

export const teamRecordBytes = (threads: number): number => (RANGES + threads * LINE) * 4;

/** The record at an address, a multiple of 64. */
export function teamRecordAt(buffer: ArrayBufferLike, address: number, threads: number): TeamRecord {
  return {
    words: new Int32Array(buffer, address, RANGES + threads * LINE),
    args: new Float64Array(buffer, address + ARGUMENTS * 4, MOST_ARGUMENTS),
  };
}

/** The shares first…end - 1 become a thread's: both below 65,536. */
export function writeRange(words: Int32Array, thread: number, first: number, end: number): void {
  Atomics.store(words, RANGES + thread * LINE, first | (end << 16));
}

/** The number of a share that is now the thread's to do; -1 when none is left. */
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
