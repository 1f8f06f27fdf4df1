// What the threads of a team share beside their data: a record in linear memory. It has the current job, the ranges of shares that are
// left, and the words that threads sleep on.
//
// A job is cut into shares of equal length, and each thread has a range of them. A thread takes shares from the lower end of its range.
// When its range is empty, it takes from the upper ends of the other ranges. So a thread works on the same part of a batch in kernel
// after kernel, and nobody waits long for a slow thread. A range is one word, which changes only by compare-and-swap, and it alone says
// whether shares are left. So a thread may come late: it either takes nothing, or it takes a share of the current job. The job cannot end
// before that share is done, and the record does not change until then.
import { MOST_ARGUMENTS } from './kernels.generated.ts';

/** Indices of int32 words. Words that different threads write often are in different cache lines. */
export const Team = {
  /** Changes with each job and when the team is closed; idle threads sleep on it. */
  turn: 0,
  /** Threads that sleep or are about to. If it is 0, the system call that wakes them is left out. */
  asleep: 1,
  /** 1 when threads have to end. */
  closed: 2,
  /** Threads that have begun to serve. */
  present: 3,
  /** Shares of the job that are not done. The computing thread sleeps on it. */
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
/** Behind the arguments, which are of two words each, at the next cache line. */
const RANGES = ARGUMENTS + Math.ceil((2 * MOST_ARGUMENTS) / LINE) * LINE;

export interface TeamRecord {
  readonly words: Int32Array;
  /** The kernel's arguments without its units. */
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

/** Gives a thread the shares from `first` to `end - 1`; both are below 65,536. */
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
