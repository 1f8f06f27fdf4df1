// Controls one prediction process for the API: starts it, sends it one order at a time and the weights that it requests, and reports how
// it ended. predictions.ts decides which process gets an order, and when.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment } from '../childEnvironment.ts';
import type { FromPredictProcess, PredictAnswer, PredictOrder, ProcessSettings, SentTensor, ToPredictProcess } from './messages.ts';
import type { RenderOrder } from './render.ts';

/** Stored weights, to be sent to a process that lacks these weights. */
export interface WeightsSource {
  /** The metadata of their file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors in the order of their bytes. */
  readonly tensors: readonly SentTensor[];
  /** Opens the bytes of all tensors. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** How a process ended while it worked on an order. */
export interface PredictionCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether the process used more than its memory limit, or its heap was full. */
  readonly isOutOfMemory: boolean;
}

/** Thrown when the process ends before it has answered. */
export class ProcessEndedError extends Error {
  readonly crash: PredictionCrash;

  constructor(crash: PredictionCrash) {
    super(`the process that predicts ended (${crash.signal ?? `exit code ${crash.exitCode}`})`);
    this.name = 'ProcessEndedError';
    this.crash = crash;
  }
}

/** The limit of V8's heap, in MiB. The numbers of a response are in this heap. */
const heapMegabytes = 256;
/** How many bytes of weights may be buffered until the process reads them. */
const mostUnsent = 2 ** 20;
/** How many of the last characters of the error output are kept. */
const keptErrorOutput = 8_192;

export class PredictionProcess {
  readonly #process: ChildProcess;
  /** Settles when the process has ended. */
  readonly ended: Promise<PredictionCrash>;
  #errorOutput = '';
  #hasEnded = false;
  readonly #ready: Promise<void>;
  /** The key of the network that was used last. */
  lastKey: string | null = null;
  /** The memory of the process after its last order, in bytes. */
  residentBytes = 0;

  constructor(settings: ProcessSettings) {
    this.#process = fork(new URL('./predictProcess.js', import.meta.url), [JSON.stringify(settings)], {
      env: childEnvironment(process.env),
      execArgv: [`--max-old-space-size=${heapMegabytes}`, '--expose-gc'],
      serialization: 'advanced',
      stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-keptErrorOutput);
    });
    // Errors of the input are ignored, because `ended` reports the end of the process.
    this.#process.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        this.#hasEnded = true;
        resolve({ exitCode, signal, isOutOfMemory: /out of memory|allocation failed/i.test(this.#errorOutput) });
      };
      this.#process.once('close', end);
      this.#process.on('error', () => {
        // The process could not be started.
        if (this.#process.pid === undefined) end(null, null);
      });
    });
    this.#ready = this.#next(() => {}, ['ready']).then(() => {});
    this.#ready.catch(() => {});
  }

  get hasEnded(): boolean {
    return this.#hasEnded || this.#process.killed;
  }

  /**
   * Sends an order and waits for the answer.
   * @param weights called if the process does not have the network in memory
   * @param timeLimitMs limits the work of the process before and after it gets the weights, but not its start or the transfer of weights
   * @param onLate called after the time limit; it should kill the process
   * After an error, the process must not be used again.
   * @throws ProcessEndedError if the process ends before it answers
   * @throws the error of `weights`, if it fails
   */
  async serve(
    order: PredictOrder | RenderOrder,
    weights: () => Promise<WeightsSource>,
    timeLimitMs: number,
    onLate: () => void,
  ): Promise<PredictAnswer> {
    await this.#ready;
    if (order.kind === 'predict') this.lastKey = order.key;
    const within = async (send: () => void, ...kinds: FromPredictProcess['kind'][]): Promise<FromPredictProcess> => {
      const timer = setTimeout(onLate, timeLimitMs);
      try {
        return await this.#next(send, kinds);
      } finally {
        clearTimeout(timer);
      }
    };
    let message = await within(() => this.#send({ kind: 'order', order }), 'needsWeights', 'answer');
    if (message.kind === 'needsWeights') {
      await this.#sendWeights(await weights());
      message = await within(() => {}, 'answer');
    }
    if (message.kind !== 'answer') throw new TypeError(`the process that predicts sent ${message.kind}`);
    this.residentBytes = message.residentBytes;
    return message.answer;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async #sendWeights({ metadata, tensors, open }: WeightsSource): Promise<void> {
    this.#send({ kind: 'weights', metadata, tensors });
    const { stdin } = this.#process;
    if (stdin === null) throw new TypeError('the process that predicts has no standard input');
    for await (const bytes of open()) {
      if (!stdin.write(bytes) && stdin.writableLength > mostUnsent) await Promise.race([once(stdin, 'drain').catch(() => {}), this.ended]);
      if (stdin.destroyed) throw new ProcessEndedError(await this.ended);
    }
  }

  #send(message: ToPredictProcess): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  /** Calls `send` and returns the next message of one of these kinds. @throws ProcessEndedError if the process ends before that message */
  async #next(send: () => void, kinds: readonly FromPredictProcess['kind'][]): Promise<FromPredictProcess> {
    const { promise, resolve } = Promise.withResolvers<FromPredictProcess>();
    const receive = (message: FromPredictProcess): void => {
      if (kinds.includes(message.kind)) resolve(message);
    };
    this.#process.on('message', receive);
    try {
      send();
      const message = await Promise.race([promise, this.ended]);
      if (!('kind' in message)) throw new ProcessEndedError(message);
      return message;
    } finally {
      this.#process.off('message', receive);
    }
  }
}
