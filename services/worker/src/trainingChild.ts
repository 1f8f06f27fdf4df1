// The worker's handle on one training child: starts the process, hands it one job at a time, passes its events on in
// order and tells how the run ended, also when the process died. It decides nothing: whether a dead child's job is
// tried again is jobRun.ts's to say, how many children there are is childPool.ts's.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ChildDeath } from './childDeath.ts';
import { memoryArgument } from './memoryLimit.ts';
import type { Ending, FromChild, ReportedEvent, ToChild, TrainOrder } from './messages.ts';
import type { TrainSignals } from './serveTraining.ts';

export interface ChildOptions {
  /** The program to fork; it calls serveTraining. */
  script: URL;
  args: readonly string[];
  /** Bound of the child's V8 heap. Tensors live outside it. */
  heapMegabytes: number;
  /**
   * Bytes that a job's tensors may take, and with a fixed allowance for the process itself what it may hold in all. A job that needs more
   * fails with `outOfMemory`. Default: no bound but WASM's 4 GiB.
   */
  memoryBytes?: number;
  /** How long a child that was told to stop may take before it is killed. */
  stopGraceMs: number;
  /** How long a child may take to start. */
  startTimeoutMs: number;
  /** A child without a heartbeat for so long is frozen, and killed. Default 10 s. */
  heartbeatTimeoutMs?: number;
  env: NodeJS.ProcessEnv;
}

/** `hasStarted`: whether the child had taken the order. Before that, the job has nothing to do with its death. */
export type Outcome = Ending | { kind: 'died'; death: ChildDeath; hasStarted: boolean };
export type Assignment = Omit<TrainOrder, 'type' | 'run'>;

interface Run {
  number: number;
  onEvents: (events: ReportedEvent[]) => Promise<void>;
  /** The batch that is being stored; an outcome waits for it. */
  storing: Promise<void>;
  hasStarted: boolean;
  end: (outcome: Outcome) => void;
  fail: (error: unknown) => void;
}

const LAST_WORDS_BYTES = 8_192;
/** Between two looks at the heartbeat, in ms. */
const LOOK_MS = 1_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** How long the last words of a child that has ended may take, in ms. */
const LAST_WORDS_MS = 2_000;

export class TrainingChild {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  /** Settles when the process has ended, however it ended. */
  readonly exited: Promise<ChildDeath>;
  readonly #gone = new AbortController();
  #isFrozen = false;
  #run: Run | undefined;
  #runs = 0;
  #lastWords = '';
  /** Its memory after the run before; 0 before the first. */
  residentBytes = 0;

  private constructor(options: ChildOptions) {
    this.#options = options;
    const { memoryBytes, args } = options;
    this.#process = fork(options.script, memoryBytes === undefined ? args : [...args, memoryArgument(memoryBytes)], {
      env: options.env,
      execArgv: [`--max-old-space-size=${options.heapMegabytes}`],
      // The fifth is the lifeline: the child ends when our end of it closes, and we never close it ourselves.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_BYTES);
    });
    this.#process.on('message', (message: FromChild) => this.#receive(message));
    // `close` and not `exit`: the last words have then arrived.
    this.exited = new Promise((resolve) => {
      let late: NodeJS.Timeout | undefined;
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        clearTimeout(late);
        resolve({ code, signal, isFrozen: this.#isFrozen, lastWords: this.#lastWords.trim() });
        this.#gone.abort(new Error('the training process has ended'));
      };
      this.#process.once('close', ended);
      this.#process.once('exit', (code, signal) => {
        late = setTimeout(() => ended(code, signal), LAST_WORDS_MS);
      });
      this.#process.on('error', (error) => {
        this.#lastWords += error.message;
        if (this.#process.pid === undefined) {
          ended(null, null);
        }
      });
    });
  }

  /** Forks a child and waits until it is warm. @param signal gives it up @throws ChildStartError, the signal's reason */
  static async start(options: ChildOptions, signal?: AbortSignal): Promise<TrainingChild> {
    signal?.throwIfAborted();
    const child = new TrainingChild(options);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), options.startTimeoutMs);
    const giveUp = (): void => timeout.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const death = await Promise.race([once(child.#process, 'message', { signal: timeout.signal }).then(() => undefined), child.exited]);
      if (death !== undefined) {
        throw new ChildStartError(`ended with ${death.signal ?? `exit code ${death.code}`} before it was ready: ${death.lastWords}`);
      }
      child.#watchHeartbeat();
      return child;
    } catch (error) {
      child.kill();
      signal?.throwIfAborted();
      if (timeout.signal.aborted) {
        throw new ChildStartError(`was not ready within ${options.startTimeoutMs} ms`);
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      timeout.abort();
    }
  }

  /** Aborted when the process has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get runs(): number {
    return this.#runs;
  }

  get alive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null && this.#process.connected && !this.#process.killed;
  }

  /**
   * Trains one job.
   * @param onEvents Stores a batch of events; the next comes only when its promise has resolved.
   * @param signals `stop` ends the training politely, and by force when that takes longer than `stopGraceMs`; `pause` is only a
   *   wish, which a step takes as long to heed as it takes.
   * @returns how it ended, after the last batch was stored.
   * @throws what `onEvents` threw; the child is killed then, as nobody follows it any more.
   */
  async train(assignment: Assignment, onEvents: Run['onEvents'], { stop, pause }: TrainSignals): Promise<Outcome> {
    if (this.#run !== undefined) {
      throw new Error(`training child ${this.pid} is busy with another job`);
    }
    this.#runs += 1;
    const number = this.#runs;
    const outcome = new Promise<Outcome>((end, fail) => {
      const run = { number, onEvents, storing: Promise.resolve(), hasStarted: false, end, fail };
      this.#run = run;
      // Also where it ended before there was a run.
      void this.exited.then((death) => this.#finish({ kind: 'died', death, hasStarted: run.hasStarted }, run));
    });
    this.#send({ type: 'train', run: number, ...assignment });
    let killTimer: NodeJS.Timeout | undefined;
    const sendPause = (): void => this.#send({ type: 'pause', run: number });
    const sendStop = (): void => {
      this.#send({ type: 'stop', run: number });
      killTimer = setTimeout(() => this.kill(), this.#options.stopGraceMs);
    };
    if (pause.aborted) sendPause();
    if (stop.aborted) sendStop();
    pause.addEventListener('abort', sendPause, { once: true });
    stop.addEventListener('abort', sendStop, { once: true });
    try {
      return await outcome;
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      pause.removeEventListener('abort', sendPause);
      stop.removeEventListener('abort', sendStop);
      clearTimeout(killTimer);
      this.#run = undefined;
    }
  }

  /** Ends the process at once. A child keeps nothing that is worth a goodbye. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #receive(message: FromChild): void {
    const run = this.#run;
    if (run === undefined || message.type === 'ready' || message.run !== run.number) {
      return;
    }
    if (message.type === 'started') {
      run.hasStarted = true;
      return;
    }
    if (message.type === 'ended') {
      this.residentBytes = message.residentBytes;
      this.#finish(message.ending, run);
      if (message.ending.kind === 'crashed') this.kill();
      return;
    }
    run.storing = run.onEvents(message.events).then(() => this.#send({ type: 'stored', run: run.number }));
    run.storing.catch(run.fail);
  }

  #finish(outcome: Outcome, run: Run): void {
    run.storing.then(() => run.end(outcome)).catch(run.fail);
  }

  /** Kills a process that is stopped, as by SIGSTOP: it would neither go on nor end. */
  #watchHeartbeat(): void {
    const looks = Math.ceil((this.#options.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS) / LOOK_MS);
    let missed = 0;
    const [, , , , lifeline] = this.#process.stdio;
    (lifeline as Readable | null | undefined)?.on('data', () => {
      missed = 0;
    });
    // Looks are counted, not time: while this process itself is stopped, nobody misses anything.
    const timer = setInterval(() => {
      missed += 1;
      if (missed <= looks) return;
      this.#isFrozen = true;
      this.kill();
    }, LOOK_MS);
    this.gone.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  #send(message: ToChild): void {
    // A child that just died answers through `exited`; an error of the channel tells nothing more.
    if (this.#process.connected) {
      this.#process.send(message, () => {});
    }
  }
}

/** A training child could not be started. */
export class ChildStartError extends Error {
  readonly code = 'childStart';

  constructor(reason: string) {
    super(`the training process ${reason}`);
    this.name = 'ChildStartError';
  }
}
