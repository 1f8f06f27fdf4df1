// Who runs the units of parallel kernels.

export interface KernelTeam {
  /** Threads that run units, the calling one among them. */
  readonly threads: number;
  /** A kernel's arguments, for all threads to see, before `run`. */
  readonly args: Float64Array;
  /** Whether the caller is to run all units by itself, because there are no others or the work is not worth their while. */
  runsAlone(units: number, operations: number): boolean;
  /** Runs all units of the kernel with this number (its place in `unitRunners`), and returns when all are done. */
  run(kernel: number, units: number): void;
}

/** No thread but the caller's. */
export const alone: KernelTeam = {
  threads: 1,
  args: new Float64Array(0),
  runsAlone: () => true,
  run: () => {},
};
