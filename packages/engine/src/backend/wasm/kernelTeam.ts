// The interface of a team: the computing thread and the threads that share its kernels and its memory. Together they run the units of
// parallel kernels. team.ts has the team of several threads.

export interface KernelTeam {
  /** Threads that run units, with the calling thread. */
  readonly threads: number;
  /** Whether the team is lost, because a thread ended before it was closed. A lost team computes no more results. */
  readonly isLost: boolean;
  /** A kernel's arguments, which all threads see. Write them before `run`. */
  readonly args: Float64Array;
  /** Returns whether the caller runs all units by itself, because there are no other threads or because the work is too small. */
  runsAlone(units: number, operations: number): boolean;
  /**
   * Runs all units of the kernel with this number (its place in `unitRunners`), and returns when all are done.
   * @throws ThreadLostError if a thread ended by itself, during this job or before it
   */
  run(kernel: number, units: number, operations: number): void;
  /** Resolves when all threads take part. Kernels can also run before that. @throws ThreadLostError if a thread has ended by itself */
  ready(): Promise<void>;
  /** Ends all other threads and waits until they have ended. */
  close(): Promise<void>;
}

/** The team of the calling thread alone. */
export const alone: KernelTeam = {
  threads: 1,
  isLost: false,
  args: new Float64Array(0),
  runsAlone: () => true,
  run: () => {
    throw new TypeError('there is no team to run with');
  },
  ready: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
