// The worker's handle on one training child: starts the process, hands it one job at a time, passes its events on in
// order and tells how the run ended, also when the process died. It decides nothing: whether a dead child's job is
// tried again is jobRun.ts's to say, how many children there are is childPool.ts's.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ChildDeath } from './childDeath.ts';
import type { Ending, FromChild, ReportedEvent, ToChild, TrainOrder } from './messages.ts';
import type { TrainSignals } from './serveTraining.ts';

export interface ChildOptions {
  /** The program to fork; it calls serveTraining. */
  script: URL;
  args: readonly string[];
  /** Bound of the child's V8 heap. Tensors live outside it, in WASM memory with a bound of its own. */
  heapMegabytes: number;
  /** How long a child that was told to stop may take before it is killed. */
  stopGraceMs: number;
  /** How long a child may take to start. */
  startTimeoutMs: number;
  env: NodeJS.ProcessEnv;
}

export type Outcome = Ending | { kind: 'died'; death: ChildDeath };
export type Assignment = Omit<TrainOrder, 'type' | 'run'>;

interface Run {
  number: number;
  onEvents: (events: ReportedEvent[]) => Promise<void>;
  /** The batch that is being stored; an outcome waits for it. */
  storing: Promise<void>;
  end: (outcome: Outcome) => void;
  fail: (error: unknown) => void;
}

const LAST_WORDS_BYTES = 8_192;

export class TrainingChild {
  readonly #process: ChildProcess;
  readonly #options: ChildOptions;
  /** Settles when the process has ended, however it ended. */
  readonly exited: Promise<ChildDeath>;
  #run: Run | undefined;
  #runs = 0;
  #lastWords = '';
  /** Its memory after the run before; 0 before the first. */
  residentBytes = 0;

  private constructor(options: ChildOptions) {
    this.#options = options;
    this.#process = fork(options.script, options.args, {
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
      const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
        resolve({ code, signal, lastWords: this.#lastWords.trim() });
      };
      this.#process.once('close', ended);
      this.#process.on('error', (error) => {
        this.#lastWords += error.message;
        if (this.#process.pid === undefined) {
          ended(null, null);
        }
      });
    });
    void this.exited.then((death) => this.#finish({ kind: 'died', death }));
  }

  /** Forks a child and waits until it is warm. @throws ChildStartError */
  static async start(options: ChildOptions): Promise<TrainingChild> {
    const child = new TrainingChild(options);
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), options.startTimeoutMs);
    try {
      const death = await Promise.race([once(child.#process, 'message', { signal: timeout.signal }).then(() => undefined), child.exited]);
      if (death !== undefined) {
        throw new ChildStartError(`ended with ${death.signal ?? `exit code ${death.code}`} before it was ready: ${death.lastWords}`);
      }
      return child;
    } catch (error) {
      child.kill();
      if (timeout.signal.aborted) {
        throw new ChildStartError(`was not ready within ${options.startTimeoutMs} ms`);
      }
      throw error;
    } finally {
      clearTimeout(timer);
      timeout.abort();
    }
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
      this.#run = { number, onEvents, storing: Promise.resolve(), end, fail };
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
    if (message.type === 'ended') {
      this.residentBytes = message.residentBytes;
      this.#finish(message.ending);
      if (message.ending.kind === 'crashed') this.kill();
      return;
    }
    run.storing = run.onEvents(message.events).then(() => this.#send({ type: 'stored', run: run.number }));
    run.storing.catch(run.fail);
  }

  #finish(outcome: Outcome): void {
    const run = this.#run;
    run?.storing.then(() => run.end(outcome)).catch(run.fail);
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
