// Runs predictions in separate processes with limits on memory and time. Other responses with many numbers are rendered there too. Keys
// take turns, and no key can use all processes if there are several. The HTTP side of predictions is in routes/predict.ts.
import { FairSemaphore } from '../fairSemaphore.ts';
import { Admission } from '../http/admission.ts';
import { ProblemError } from '../problems.ts';
import { type PredictAnswer, type PredictOrder, processBytes } from './messages.ts';
import { type PredictionCrash, PredictionProcess, ProcessEndedError, type WeightsSource } from './predictionProcess.ts';
import { type Remedy, tooLarge } from './remedies.ts';
import { smallerResponse, type RenderOrder } from './render.ts';

export interface PredictionOptions {
  /** How many predictions run at the same time, each in its own process. The first process starts with the first prediction. */
  readonly processes: number;
  /** The memory limit of one process, in bytes. A process that uses more is killed. */
  readonly memoryBytes: number;
  /** The memory of the networks that a process keeps, in bytes. Default: a third of its memory. */
  readonly cacheBytes?: number;
  /** How long one prediction may take, in ms. */
  readonly timeLimitMs: number;
  /** How many requests of one key may wait. */
  readonly waitingPerKey: number;
  /** How long a request may wait, in ms. */
  readonly waitLimitMs: number;
}

/** The request that a process works for. */
export interface Requester {
  /** The name of the caller's API key. */
  readonly key: string;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
}

/** An order to a process. */
interface Work {
  readonly order: PredictOrder | RenderOrder;
  /** Called if the process does not have the network of the order in memory. */
  readonly weights: () => Promise<WeightsSource>;
  /** How the client can make the order smaller. */
  readonly remedy: Remedy;
}

/**
 * How long a process may continue a prediction after its client has left, in ms. If the process were killed at once, the next client would
 * wait for the start of a new one.
 */
const departedGraceMs = 500;
/** How many processes may try an order. If the first one dies, a second one tries, because the order may not be the cause. */
const mostTries = 2;

export class Predictions {
  readonly #options: Required<PredictionOptions>;
  readonly #places: FairSemaphore;
  /** Processes without an order, the most recently used one last. */
  readonly #idle: PredictionProcess[] = [];
  readonly #running = new Set<PredictionProcess>();
  readonly #onCrash: (crash: PredictionCrash) => void;
  #isClosed = false;

  /** @param onCrash called when a process ends while it works on an order */
  constructor(options: PredictionOptions, onCrash: (crash: PredictionCrash) => void) {
    this.#options = { cacheBytes: Math.floor(options.memoryBytes / 3), ...options };
    const { processes } = this.#options;
    this.#places = new FairSemaphore({ places: processes, placesPerKey: Math.max(1, processes - 1) });
    this.#onCrash = onCrash;
  }

  /** The memory limit of one process, in bytes. */
  get memoryBytes(): number {
    return this.#options.memoryBytes;
  }

  /** Limits the requests in memory to eight per process. A request begins to count before its body is read, until its response is sent. */
  admission(): Admission {
    const { processes, waitingPerKey, waitLimitMs } = this.#options;
    const placesPerKey = Math.max(1, processes - 1) + 1;
    const places = new FairSemaphore({ places: 8 * processes, placesPerKey, waitingPerKey, waiting: 16 * waitingPerKey });
    return new Admission({ places, waitLimitMs, what: 'predictions' });
  }

  /**
   * Predicts when it is the key's turn.
   * @param weights called if the process does not have the network in memory
   * @param remedy how the client can make the prediction smaller
   * @returns the JSON of the response
   * @throws ProblemError if the input cannot be used, or the prediction needs too much time or memory
   * @throws the reason of the requester's signal, if it is aborted
   */
  async predict(order: PredictOrder, weights: () => Promise<WeightsSource>, remedy: Remedy, requester: Requester): Promise<Uint8Array> {
    return await this.#inTurn({ order, weights, remedy }, requester);
  }

  /**
   * Renders numbers as JSON or as a picture when it is the key's turn.
   * @throws ProblemError 422 if the rendering needs too much memory, and 503 if it takes too much time
   * @throws the reason of the requester's signal, if it is aborted
   */
  async render(order: RenderOrder, requester: Requester): Promise<Uint8Array> {
    return await this.#inTurn({ order, weights: noWeights, remedy: smallerResponse(order) }, requester);
  }

  async #inTurn(work: Work, { key, signal }: Requester): Promise<Uint8Array> {
    const release = await this.#places.acquire(key, signal);
    try {
      const answer = await this.#serve(work, signal);
      if (answer.kind === 'outOfMemory') throw this.#tooMuchMemory(work);
      return bodyOf(answer);
    } finally {
      release();
    }
  }

  /** Kills all processes. Orders in progress fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#idle, ...this.#running];
    for (const process of all) process.kill();
    await Promise.all(all.map(({ ended }) => ended));
  }

  async #serve(work: Work, signal: AbortSignal): Promise<PredictAnswer> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#serveOnce(work, signal);
      } catch (error) {
        if (!(error instanceof ProcessEndedError)) throw error;
        if (this.#isClosed) throw unavailable('The server is stopping.');
        this.#onCrash(error.crash);
        if (error.crash.isOutOfMemory) throw this.#tooMuchMemory(work);
        if (tries === mostTries) throw unavailable('The process that computed the response ended unexpectedly; try again.');
      }
    }
  }

  /** @throws ProcessEndedError if the process ended by itself */
  async #serveOnce({ order, weights, remedy }: Work, signal: AbortSignal): Promise<PredictAnswer> {
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
      // The state of the process is unknown.
      process.kill();
      if (!isLate) throw error;
      const seconds = this.#options.timeLimitMs / 1_000;
      throw unavailable(`The computation of the response took longer than ${seconds} s: ${remedy.action}, or try again later.`);
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', leave);
      if (process.hasEnded) await process.ended;
      this.#running.delete(process);
      this.#putBack(process);
      this.#startSpare();
    }
  }

  /**
   * Takes a process for an order: one that used the same network last, else an idle one without a network, else a new one, else the one
   * that has been idle for the longest time. An order without a network can use any process.
   */
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

  /** Keeps a process for the next order. Kills the process instead if it uses clearly more memory than `cacheBytes`. */
  #putBack(process: PredictionProcess): void {
    if (process.hasEnded) return;
    if (this.#isClosed || process.residentBytes > this.#options.cacheBytes + 2 * processBytes) process.kill();
    else this.#idle.push(process);
  }

  /** Starts a spare process if there is none and there is room, so that the next request need not wait for the start of one. */
  #startSpare(): void {
    const { processes, memoryBytes, cacheBytes } = this.#options;
    const alive = this.#idle.filter((process) => !process.hasEnded);
    const hasSpare = alive.some(({ lastKey }) => lastKey === null);
    if (this.#isClosed || hasSpare || alive.length + this.#running.size >= processes) return;
    this.#idle.unshift(new PredictionProcess({ memoryBytes, cacheBytes }));
  }

  #tooMuchMemory({ remedy }: Work): ProblemError {
    return tooLarge(`the computation of the response needs more than ${this.#options.memoryBytes} bytes of memory`, remedy);
  }
}

/**
 * Returns the body of the response.
 * @throws ProblemError 422 if the input cannot be used
 * @throws Error if the prediction failed for another reason
 */
function bodyOf(answer: Exclude<PredictAnswer, { readonly kind: 'outOfMemory' }>): Uint8Array {
  if (answer.kind === 'done') return answer.body;
  const { message } = answer;
  if (answer.kind === 'failed') throw new Error(`the prediction failed: ${message}`);
  throw new ProblemError('invalidRequest', `${message}.`, { issues: [{ path: '', message, code: 'invalidValue' }] });
}

const noWeights = (): Promise<WeightsSource> => Promise.reject(new TypeError('rendering needs no weights'));

function unavailable(detail: string): ProblemError {
  return new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } });
}
