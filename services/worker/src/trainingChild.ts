// Controls one training child for the worker: starts the process, gives it one job at a time, passes on its events in order, and reports
// how the run ended, also if the process died. jobRun.ts decides whether a job is retried, childPool.ts how many children there are.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { ChildDeath } from './childDeath.ts';
import { memoryArgument } from './memoryLimit.ts';
import type { ReportedEnd, FromChild, ReportedEvent, ToChild, TrainOrder } from './messages.ts';
import type { TrainSignals } from './serveTraining.ts';

export interface ChildOptions {
  /** The program to fork, which must call `serveTraining`. */
  script: URL;
  args: readonly string[];
  /** The limit of the child's V8 heap. Tensors are stored outside of it. */
  heapMegabytes: number;
  /**
   * The limit for the tensors of a job, in bytes. The limit of the whole process is 256 MiB higher. A job that exceeds one of them fails
   * with `outOfMemory`. Default: no limit except the 4 GiB of WASM.
   */
  memoryBytes?: number;
  /** How long a child may take to stop before it is killed, in ms. */
  stopGraceMs: number;
  /** How long a child may take to start, in ms. */
  startTimeoutMs: number;
  /** How long a child may send no heartbeat before it counts as frozen and is killed, in ms. Default 10 s. */
  heartbeatTimeoutMs?: number;
  env: NodeJS.ProcessEnv;
}

/** `hasStarted`: whether the child had accepted the job. If not, the job cannot be the cause of the death. */
export type TrainingEnd = ReportedEnd | { kind: 'died'; death: ChildDeath; hasStarted: boolean };
export type Assignment = Omit<TrainOrder, 'type' | 'run'>;

interface Run {
  number: number;
  onEvents: (events: ReportedEvent[]) => Promise<void>;
  /** Resolves when the last batch is stored. The outcome is reported after that. */
  storing: Promise<void>;
  hasStarted: boolean;
  end: (outcome: TrainingEnd) => void;
  fail: (error: unknown) => void;
}

const LAST_WORDS_BYTES = 8_192;
/** The time between two checks of the heartbeat, in ms. */
const LOOK_MS = 1_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** How long the worker waits for the remaining standard error of a child after its exit, in ms. */
const LAST_WORDS_MS = 2_000;

export class TrainingChild {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  /** Resolves when the process has ended. Never rejects. */
  readonly exited: Promise<ChildDeath>;
  readonly #gone = new AbortController();
  #isFrozen = false;
  #run: Run | undefined;
  #runs = 0;
  #lastWords = '';
  /** The resident memory of the process after its last run, in bytes; 0 before the first run. */
  residentBytes = 0;

  private constructor(options: ChildOptions) {
    this.#options = options;
    const { memoryBytes, args } = options;
    this.#process = fork(options.script, memoryBytes === undefined ? args : [...args, memoryArgument(memoryBytes)], {
      env: options.env,
      execArgv: [`--max-old-space-size=${options.heapMegabytes}`],
      // The fifth entry is the lifeline: a socket that closes when the worker ends. Then the child ends too.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_BYTES);
    });
    this.#process.on('message', (message: FromChild) => this.#receive(message));
    // Waits for `close` instead of `exit`, because only then all of the standard error has arrived.
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

  /**
   * Forks a child and waits until it is warm.
   * @param signal cancels the start
   * @throws ChildStartError if the child ends or the time limit passes before the child is warm
   * @throws the reason of `signal`, if it is aborted before the child is warm
   */
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

  /** A signal that is aborted when the process has ended. */
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
   * @param onEvents stores a batch of events; the next batch comes after its promise has resolved
   * @param signals `stop` ends the training, and kills the child if that takes longer than `stopGraceMs`; `pause` ends it after the current
   *   step, without a time limit
   * @returns the outcome, after the last batch was stored
   * @throws the error of `onEvents`, if it fails. The child is then killed
   */
  async train(assignment: Assignment, onEvents: Run['onEvents'], { stop, pause }: TrainSignals): Promise<TrainingEnd> {
    if (this.#run !== undefined) {
      throw new Error(`training child ${this.pid} is busy with another job`);
    }
    this.#runs += 1;
    const number = this.#runs;
    const outcome = new Promise<TrainingEnd>((end, fail) => {
      const run = { number, onEvents, storing: Promise.resolve(), hasStarted: false, end, fail };
      this.#run = run;
      // Also reports a child that had ended before this run began.
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

  /** Kills the process. A child has nothing to save or to close. */
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
      this.#finish(message.end, run);
      if (message.end.kind === 'crashed') this.kill();
      return;
    }
    run.storing = run.onEvents(message.events).then(() => this.#send({ type: 'stored', run: run.number }));
    run.storing.catch(run.fail);
  }

  #finish(outcome: TrainingEnd, run: Run): void {
    run.storing.then(() => run.end(outcome)).catch(run.fail);
  }

  /** Kills a process that sends no heartbeats, for example because SIGSTOP has stopped it. Otherwise its job would never end. */
  #watchHeartbeat(): void {
    const looks = Math.ceil((this.#options.heartbeatTimeoutMs ?? HEARTBEAT_TIMEOUT_MS) / LOOK_MS);
    let missed = 0;
    const [, , , , lifeline] = this.#process.stdio;
    (lifeline as Readable | null | undefined)?.on('data', () => {
      missed = 0;
    });
    // Counts checks instead of measuring time: while the worker itself is stopped, no check runs, so no heartbeat counts as missed.
    const timer = setInterval(() => {
      missed += 1;
      if (missed <= looks) return;
      this.#isFrozen = true;
      this.kill();
    }, LOOK_MS);
    this.gone.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  #send(message: ToChild): void {
    // Errors of the channel are ignored: the death of the child is reported through `exited`.
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
