// Who runs the units of parallel kernels. A team is the thread that computes and those it shares its kernels with, over one
// memory: the first publishes a job (a kernel, its arguments, its units), takes part in it and returns when all is done.
// How threads are made is the platform's (src/node); what they do is teamMember.ts, what they share teamRecord.ts.
import { ArgumentError, ThreadLostError } from '../../errors.ts';
import { Team, type TeamRecord, takeShare, writeRange } from './teamRecord.ts';

export interface KernelTeam {
  /** Threads that run units, the calling one among them. */
  readonly threads: number;
  /** Whether one of them has ended by itself: there will be no results. */
  readonly isLost: boolean;
  /** A kernel's arguments, for all threads to see, before `run`. */
  readonly args: Float64Array;
  /** Whether the caller is to run all units by itself, because there are no others or the work is not worth their while. */
  runsAlone(units: number, operations: number): boolean;
  /**
   * Runs all units of the kernel with this number (its place in `unitRunners`), and returns when all are done.
   * @throws ThreadLostError when a thread has ended, in this or in an earlier job.
   */
  run(kernel: number, units: number, operations: number): void;
  /** Resolves when all threads take part; work can begin before. @throws ThreadLostError */
  ready(): Promise<void>;
  /** Ends all other threads and waits until they are gone. */
  close(): Promise<void>;
}

/** What a thread is started with: pass it on to `serveTeam` there. All of it can be cloned to another thread. */
export interface TeamSetup {
  /** The compiled kernels. */
  readonly module: object;
  /** The shared memory. */
  readonly memory: object;
  /** Where in it the team's record lies. */
  readonly record: number;
  readonly threads: number;
  /** Which of them this is; the computing thread is 0. */
  readonly thread: number;
}

/** A thread that serves a team. */
export interface KernelThread {
  /** Ends it and waits until it is gone. */
  close(): Promise<void>;
}

/** How a platform makes threads. */
export interface KernelThreads {
  /** Threads that compute, the calling one among them; 1 makes none. */
  readonly count: number;
  /** How long a share of a kernel that a thread has taken may take before the thread counts as lost; default 60,000 ms. */
  readonly patienceMs?: number;
  /** Starts one, which need not be ready at once. `onEnd` is told when it ends without having been closed. */
  start(setup: TeamSetup, onEnd: (reason: unknown) => void): KernelThread;
}

/** More would only add waiting: machines with more cores train several jobs. */
export const MOST_THREADS = 64;

/** @throws ArgumentError unless it is a whole number from 1 to 64. */
export function checkThreads(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MOST_THREADS) return count;
  throw new ArgumentError(`threads must be a whole number from 1 to ${MOST_THREADS}, got ${count}`);
}

/** No thread but the caller's. */
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

/** Below so many operations (2 to 5 µs) a job is done before another thread has noticed it. */
const WORTH_SHARING = 50_000;
/** A share of a job is worth at least so many, and each thread has at most so many shares: enough for the fast to help the slow. */
const WORTH_TAKING = 10_000;
const SHARES_OF_EACH = 8;
/** Looks at the count of unfinished shares before the thread sleeps on it: some 100 µs. */
const LOOKS = 20_000;
/** The wait for a share is made of short ones: so the time that a process was stopped for does not count. */
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

  /** @param runUnits runs a kernel's units on the calling thread, with the record's arguments. */
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
      // Others may still be at work on this job: there cannot be another one.
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
      `a thread of the engine has ended: ${reason instanceof Error ? reason.message : String(reason)}. Results may be incomplete; make a new backend`,
      { cause: reason },
    );
    Atomics.notify(this.#words, Team.present);
    return this.#lost;
  }
}
