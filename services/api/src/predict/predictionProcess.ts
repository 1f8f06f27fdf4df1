// The API's handle on one process that predicts: starts it, gives it one order at a time with the weights that it asks for, and says how
// it ended. Which process gets an order, and when, is decided in predictions.ts.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { FromPredictProcess, PredictAnswer, PredictOrder, ProcessSettings, SentTensor, ToPredictProcess } from './messages.ts';
import type { RenderOrder } from './render.ts';

/** Weights as they are stored, for a process that does not have them. */
export interface WeightsSource {
  /** In the order of their bytes. */
  readonly tensors: readonly SentTensor[];
  /** The bytes of all tensors. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** How a process ended that had an order. */
export interface PredictionCrash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its memory was over the bound, or its heap was full. */
  readonly isOutOfMemory: boolean;
}

/** The process ended before it answered. */
export class ProcessEndedError extends Error {
  readonly crash: PredictionCrash;

  constructor(crash: PredictionCrash) {
    super(`the process that predicts ended (${crash.signal ?? `exit code ${crash.exitCode}`})`);
    this.name = 'ProcessEndedError';
    this.crash = crash;
  }
}

/** Of V8's heap: the numbers of an answer are there. */
const heapMegabytes = 256;
/** Bytes of weights that may wait to be taken by the process. */
const mostUnsent = 2 ** 20;
/** The end of what it wrote to its error output. */
const keptErrorOutput = 8_192;

export class PredictionProcess {
  readonly #process: ChildProcess;
  /** Settles when the process has ended. */
  readonly ended: Promise<PredictionCrash>;
  #errorOutput = '';
  #hasEnded = false;
  readonly #ready: Promise<void>;
  /** The network that was used last. */
  lastKey: string | null = null;
  /** Its memory after the last prediction, in bytes. */
  residentBytes = 0;

  constructor(settings: ProcessSettings) {
    this.#process = fork(new URL('./predictProcess.js', import.meta.url), [JSON.stringify(settings)], {
      // It needs nothing of the environment, which has secrets.
      env: {},
      execArgv: [`--max-old-space-size=${heapMegabytes}`, '--expose-gc'],
      serialization: 'advanced',
      stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-keptErrorOutput);
    });
    // A process that ended is told of by `ended`.
    this.#process.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      const end = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        this.#hasEnded = true;
        resolve({ exitCode, signal, isOutOfMemory: /out of memory|allocation failed/i.test(this.#errorOutput) });
      };
      this.#process.once('close', end);
      this.#process.on('error', () => {
        // It could not be started.
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
   * Has an order served.
   * @param weights called if the network is not in memory
   * @param timeLimitMs for the work of the process, without its start and the reading of the weights
   * @param onLate called when the time is over; it should kill the process
   * @throws ProcessEndedError, and what the weights throw; the process must not be used any more then
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

  async #sendWeights({ tensors, open }: WeightsSource): Promise<void> {
    this.#send({ kind: 'weights', tensors });
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

  /** The next message of these kinds after `send`. @throws ProcessEndedError */
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
