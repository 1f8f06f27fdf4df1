// The team of several threads over one memory. The thread that computes publishes a job (a kernel, its arguments, its units), takes part in
// it and returns when all is done. The platform makes the threads (src/node). The other threads' part is in teamMember.ts, and the shared
// record in teamRecord.ts.
import { ArgumentError, ThreadLostError } from '../../errors.ts';
import type { KernelTeam } from './kernelTeam.ts';
import { Team, type TeamRecord, takeShare, writeRange } from './teamRecord.ts';

/** The data that a new thread needs. It can be posted to the thread (structured clone), which passes it to `serveTeam`. */
export interface TeamSetup {
  /** The compiled kernels. */
  readonly module: object;
  /** The shared memory. */
  readonly memory: object;
  /** The address of the team's record in the shared memory. */
  readonly record: number;
  readonly threads: number;
  /** The number of this thread; the computing thread is 0. */
  readonly thread: number;
}

/** A thread that serves a team. */
export interface KernelThread {
  /** Ends the thread and waits until it has ended. */
  close(): Promise<void>;
}

/** Starts threads on a platform, such as Node. */
export interface KernelThreads {
  /** The number of threads that compute, including the calling thread. 1 starts no thread. */
  readonly count: number;
  /** How long the computing thread waits for another thread's share before that thread counts as lost. Default: 60,000 ms. */
  readonly patienceMs?: number;
  /** Starts a thread and returns at once; the thread may become ready later. Calls `onEnd` if the thread ends before it is closed. */
  start(setup: TeamSetup, onEnd: (reason: unknown) => void): KernelThread;
}

/** The most threads of a team. More threads would mostly wait for shares. A machine with more cores can train several jobs at once. */
export const MOST_THREADS = 64;

/** Returns the number of threads. @throws ArgumentError if it is not a whole number from 1 to 64 */
export function checkThreads(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_THREADS) return count;
  throw new ArgumentError(`threads must be a whole number from 1 to ${MOST_THREADS}, got ${count}`);
}

/** A job of fewer operations takes 2 to 5 µs: it is done before another thread notices it, so the calling thread runs it alone. */
const WORTH_SHARING = 50_000;
/**
 * The fewest operations of a share, and the most shares per thread. With several shares per thread, fast threads can take over shares of
 * slow ones.
 */
const WORTH_TAKING = 10_000;
const SHARES_OF_EACH = 8;
/** How many times the computing thread reads the count of unfinished shares before it sleeps. This takes about 100 µs. */
const LOOKS = 20_000;
/** The computing thread waits in short intervals. If the process is stopped for a while, that time counts as at most one interval. */
const WAIT_MS = 100;
const PATIENCE_MS = 60_000;

export class ThreadTeam implements KernelTeam {
  readonly threads: number;
  readonly args: Float64Array;
  readonly #words: Int32Array;
  readonly #runUnits: (kernel: number, from: number, to: number) => void;
  readonly #patienceMs: number;
  readonly #members: readonly KernelThread[];
  #lost: ThreadLostError | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Starts the threads.
   * @param runUnits called to run a kernel's units on the calling thread, with the arguments in the record.
   */
  constructor(
    threads: KernelThreads,
    setup: Omit<TeamSetup, 'thread' | 'threads'>,
    record: TeamRecord,
    runUnits: (kernel: number, from: number, to: number) => void,
  ) {
    this.threads = threads.count;
    this.args = record.args;
    this.#words = record.words;
    this.#runUnits = runUnits;
    this.#patienceMs = threads.patienceMs ?? PATIENCE_MS;
    const lose = (reason: unknown): void => void this.#lose(reason);
    this.#members = Array.from({ length: threads.count - 1 }, (_, i) =>
      threads.start({ ...setup, threads: threads.count, thread: i + 1 }, lose),
    );
  }

  get isLost(): boolean {
    return this.#lost !== null || Atomics.load(this.#words, Team.failed) !== 0;
  }

  runsAlone(units: number, operations: number): boolean {
    return operations < WORTH_SHARING || units < 2;
  }

  run(kernel: number, units: number, operations: number): void {
    const words = this.#words;
    if (this.#lost !== null) throw this.#lost;
    const most = Math.min(units, this.threads * SHARES_OF_EACH, Math.max(this.threads, Math.floor(operations / WORTH_TAKING)));
    const length = Math.ceil(units / most);
    const shares = Math.ceil(units / length);
    words[Team.kernel] = kernel;
    words[Team.units] = units;
    words[Team.length] = length;
    Atomics.store(words, Team.unfinished, shares);
    for (let thread = 0; thread < this.threads; thread++) {
      writeRange(words, thread, Math.floor((shares * thread) / this.threads), Math.floor((shares * (thread + 1)) / this.threads));
    }
    Atomics.add(words, Team.turn, 1);
    if (Atomics.load(words, Team.asleep) > 0) Atomics.notify(words, Team.turn);
    this.#takePart(kernel, units, length);
    for (let looks = LOOKS; Atomics.load(words, Team.unfinished) > 0; looks--) if (looks === 0) this.#sleepUntilFinished();
    if (Atomics.load(words, Team.failed) !== 0) throw this.#lose(new Error('a kernel failed on it'));
  }

  async ready(): Promise<void> {
    for (;;) {
      if (this.#lost !== null) throw this.#lost;
      const present = Atomics.load(this.#words, Team.present);
      if (present >= this.threads - 1 || this.#closing !== null) return;
      await Atomics.waitAsync(this.#words, Team.present, present).value;
    }
  }

  close(): Promise<void> {
    Atomics.store(this.#words, Team.closed, 1);
    Atomics.add(this.#words, Team.turn, 1);
    Atomics.notify(this.#words, Team.turn);
    Atomics.notify(this.#words, Team.present);
    this.#closing ??= Promise.all(this.#members.map((member) => member.close())).then(() => {});
    return this.#closing;
  }

  #takePart(kernel: number, units: number, length: number): void {
    const words = this.#words;
    try {
      for (let share = takeShare(words, this.threads, 0); share >= 0; share = takeShare(words, this.threads, 0)) {
        this.#runUnits(kernel, share * length, Math.min(units, (share + 1) * length));
        Atomics.sub(words, Team.unfinished, 1);
      }
    } catch (error) {
      // Other threads may still work on this job, so the team is marked as lost and accepts no further job.
      this.#lose(error);
      throw error;
    }
  }

  #sleepUntilFinished(): void {
    const words = this.#words;
    Atomics.store(words, Team.waiting, 1);
    for (let waited = 0; waited < this.#patienceMs; ) {
      const unfinished = Atomics.load(words, Team.unfinished);
      if (unfinished === 0 || Atomics.load(words, Team.failed) !== 0) break;
      if (Atomics.wait(words, Team.unfinished, unfinished, WAIT_MS) === 'timed-out') waited += WAIT_MS;
    }
    Atomics.store(words, Team.waiting, 0);
    if (Atomics.load(words, Team.unfinished) > 0) throw this.#lose(new Error('it left its share of a kernel unfinished'));
  }

  #lose(reason: unknown): ThreadLostError {
    this.#lost ??= new ThreadLostError(
      `a thread of the engine has ended: ${reason instanceof Error ? reason.message : String(reason)}. Results may be incomplete, so make a new backend`,
      { cause: reason },
    );
    Atomics.notify(this.#words, Team.present);
    return this.#lost;
  }
}
