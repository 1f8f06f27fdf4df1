// Predictions in processes of their own, with a bound on memory and time; other answers with many numbers are rendered there too. Keys
// take turns, and no key can use all processes. What a prediction is over HTTP is in routes/predict.ts.
import { FairSemaphore } from '../fairSemaphore.ts';
import { Admission } from '../http/admission.ts';
import { ProblemError } from '../problems.ts';
import { type PredictAnswer, type PredictOrder, processBytes } from './messages.ts';
import type { RenderOrder } from './render.ts';
import { type PredictionCrash, PredictionProcess, ProcessEndedError, type WeightsSource } from './predictionProcess.ts';

export interface PredictionOptions {
  /** Predictions at a time, each in a process of its own. The first starts with the first prediction. Default: 2. */
  readonly processes?: number;
  /** The memory of one process, in bytes. A process that has more is killed. Default: 1.5e9. */
  readonly memoryBytes?: number;
  /** The memory of the networks that a process keeps, in bytes. Default: a third of its memory. */
  readonly cacheBytes?: number;
  /** How long one prediction may take, in ms. Default: 10,000. */
  readonly timeLimitMs?: number;
  /** How many requests of one key may wait. Default: 64. */
  readonly waitingPerKey?: number;
  /** How long a request may wait, in ms. Default: 15,000. Together with other waiting it must stay below the time to send a request. */
  readonly waitLimitMs?: number;
}

export const predictionDefaults = {
  processes: 2,
  memoryBytes: 1.5e9,
  timeLimitMs: 10_000,
  waitingPerKey: 64,
  waitLimitMs: 15_000,
} as const satisfies PredictionOptions;

/** How long a process may go on with a prediction whose client has left, in ms. Ending it would cost the next client its start. */
const departedGraceMs = 500;
/** A process that dies for an unknown reason may not be the fault of its order, which another one then gets. */
const mostTries = 2;

export class Predictions {
  readonly #options: Required<PredictionOptions>;
  readonly #places: FairSemaphore;
  /** Processes that have no order, the one used last at the end. */
  readonly #idle: PredictionProcess[] = [];
  readonly #running = new Set<PredictionProcess>();
  readonly #onCrash: (crash: PredictionCrash) => void;
  #isClosed = false;

  /** @param onCrash called when a process ends that had an order */
  constructor(options: PredictionOptions, onCrash: (crash: PredictionCrash) => void = () => {}) {
    const all = { ...predictionDefaults, ...options };
    this.#options = { cacheBytes: Math.floor(all.memoryBytes / 3), ...all };
    const { processes } = this.#options;
    this.#places = new FairSemaphore({ places: processes, placesPerKey: Math.max(1, processes - 1) });
    this.#onCrash = onCrash;
  }

  /** The memory of one process, in bytes. */
  get memoryBytes(): number {
    return this.#options.memoryBytes;
  }

  /** Bounds the requests whose bodies and answers are in memory: those that are computed, and for each of them some before and after it. */
  admission(): Admission {
    const { processes, waitingPerKey, waitLimitMs } = this.#options;
    const placesPerKey = Math.max(1, processes - 1) + 1;
    const places = new FairSemaphore({ places: 8 * processes, placesPerKey, waitingPerKey, waiting: 16 * waitingPerKey });
    return new Admission({ places, waitLimitMs, what: 'predictions' });
  }

  /**
   * @param weights called when the network is not in the memory of the process
   * @param key whose turn it is
   * @param signal aborts when the client leaves
   * @returns the answer's JSON
   * @throws ProblemError for an input that cannot be used, and for a prediction that takes too much time or memory; the signal's reason
   */
  async predict(order: PredictOrder, weights: () => Promise<WeightsSource>, key: string, signal: AbortSignal): Promise<Uint8Array> {
    return await this.#inTurn(order, weights, key, signal);
  }

  /**
   * Renders numbers as JSON or as a picture.
   * @param key whose turn it is
   * @param signal aborts when the client leaves
   * @throws ProblemError 503 when it takes too much time; the signal's reason
   */
  async render(order: RenderOrder, key: string, signal: AbortSignal): Promise<Uint8Array> {
    return await this.#inTurn(order, noWeights, key, signal);
  }

  async #inTurn(
    order: PredictOrder | RenderOrder,
    weights: () => Promise<WeightsSource>,
    key: string,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const release = await this.#places.acquire(key, signal);
    try {
      return bodyOf(await this.#serve(order, weights, signal));
    } finally {
      release();
    }
  }

  /** Ends the processes. Orders that they have fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#idle, ...this.#running];
    for (const process of all) process.kill();
    await Promise.all(all.map(({ ended }) => ended));
  }

  async #serve(order: PredictOrder | RenderOrder, weights: () => Promise<WeightsSource>, signal: AbortSignal): Promise<PredictAnswer> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#serveOnce(order, weights, signal);
      } catch (error) {
        if (!(error instanceof ProcessEndedError)) throw error;
        if (this.#isClosed) throw unavailable('The server is stopping.');
        this.#onCrash(error.crash);
        if (error.crash.isOutOfMemory) throw this.#tooMuchMemory();
        if (tries === mostTries) throw unavailable('The process that predicted ended unexpectedly; try again.');
      }
    }
  }

  /** @throws ProcessEndedError if the process ended by itself */
  async #serveOnce(order: PredictOrder | RenderOrder, weights: () => Promise<WeightsSource>, signal: AbortSignal): Promise<PredictAnswer> {
    if (this.#isClosed) throw unavailable('The server is stopping.');
    const process = this.#take(order.kind === 'predict' ? order.key : null);
    this.#running.add(process);
    let isLate = false;
    let grace: NodeJS.Timeout | undefined;
    const leave = (): void => {
      grace = setTimeout(() => process.kill(), departedGraceMs);
    };
    signal.addEventListener('abort', leave, { once: true });
    const late = (): void => {
      isLate = true;
      process.kill();
    };
    try {
      const answer = await process.serve(order, weights, this.#options.timeLimitMs, late);
      signal.throwIfAborted();
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      // What it is doing is not known.
      process.kill();
      if (!isLate) throw error;
      const seconds = this.#options.timeLimitMs / 1_000;
      throw unavailable(`The prediction took longer than ${seconds} s; send fewer inputs, or try again later.`);
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', leave);
      if (process.hasEnded) await process.ended;
      this.#running.delete(process);
      this.#putBack(process);
      this.#startSpare();
    }
  }

  /** A process for a network: one that used it last, or else one that has none, or else the one that was idle longest. Without a network: any. */
  #take(key: string | null): PredictionProcess {
    const { processes, memoryBytes, cacheBytes } = this.#options;
    const alive = this.#idle.filter((process) => !process.hasEnded);
    const same = alive.findLast(({ lastKey }) => key === null || lastKey === key);
    const isRoom = alive.length + this.#running.size < processes;
    const unused = alive.find(({ lastKey }) => lastKey === null);
    const taken = same ?? unused ?? (isRoom ? new PredictionProcess({ memoryBytes, cacheBytes }) : alive[0]);
    if (taken === undefined) throw new TypeError('there is no process for a prediction that has a place');
    this.#idle.splice(0, this.#idle.length, ...alive.filter((process) => process !== taken));
    return taken;
  }

  /** Ends a process that has more memory than what it keeps explains: the system gets it back at once. */
  #putBack(process: PredictionProcess): void {
    if (process.hasEnded) return;
    if (this.#isClosed || process.residentBytes > this.#options.cacheBytes + 2 * processBytes) process.kill();
    else this.#idle.push(process);
  }

  /** Starts a process for a key that comes next, or for when this one dies, so that nobody waits for its start. */
  #startSpare(): void {
    const { processes, memoryBytes, cacheBytes } = this.#options;
    const alive = this.#idle.filter((process) => !process.hasEnded);
    const hasSpare = alive.some(({ lastKey }) => lastKey === null);
    if (this.#isClosed || hasSpare || alive.length + this.#running.size >= processes) return;
    this.#idle.unshift(new PredictionProcess({ memoryBytes, cacheBytes }));
  }

  #tooMuchMemory(): ProblemError {
    const message = `the prediction needs more than ${this.#options.memoryBytes} bytes of memory: send fewer inputs`;
    return new ProblemError('invalidRequest', `${message}.`, { issues: [{ path: '/inputs', message, code: 'limitExceeded' }] });
  }
}

/** @throws ProblemError 422 for an input that cannot be used */
function bodyOf(answer: PredictAnswer): Uint8Array {
  if (answer.kind === 'done') return answer.body;
  const { message } = answer;
  if (answer.kind === 'failed') throw new Error(`the prediction failed: ${message}`);
  throw new ProblemError('invalidRequest', `${message}.`, { issues: [{ path: '', message, code: 'invalidValue' }] });
}

const noWeights = (): Promise<WeightsSource> => Promise.reject(new TypeError('rendering needs no weights'));

function unavailable(detail: string): ProblemError {
  return new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } });
}
