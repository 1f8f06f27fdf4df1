// The API's end of its prediction thread: starts it with the first order, hands it one at a time, and ends it when one takes too
// long. What a prediction is asked for and answered with over HTTP is routes/predict.ts's.
import { Worker } from 'node:worker_threads';
import { ProblemError } from '../problems.ts';
import type { PredictAnswer, PredictOrder } from './messages.ts';

export interface PredictionOptions {
  /** Memory of the networks that are kept; default 512 MiB. */
  readonly cacheBytes?: number;
  /** How long one prediction may take, in ms; default 10,000. */
  readonly timeLimitMs?: number;
  /** Orders that may wait; default 64. */
  readonly mostWaiting?: number;
}

export class Predictions {
  readonly #options: Required<PredictionOptions>;
  #thread: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor({ cacheBytes = 512 * 2 ** 20, timeLimitMs = 10_000, mostWaiting = 64 }: PredictionOptions = {}) {
    this.#options = { cacheBytes, timeLimitMs, mostWaiting };
  }

  /**
   * @param readWeights called when the network is not in memory
   * @returns the answer's JSON
   * @throws ProblemError for an input that cannot be used, a prediction that takes too long, and too many at a time
   */
  async predict(order: Omit<PredictOrder, 'weights'>, readWeights: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#closed || this.#waiting >= this.#options.mostWaiting) {
      throw unavailable('Too many predictions wait for their turn; try again shortly.');
    }
    this.#waiting += 1;
    const turn = this.#last.then(async () => await this.#serve(order, readWeights));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Ends the thread; orders that wait for it fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.terminate();
    await this.#last;
  }

  async #serve(order: PredictOrder, readWeights: () => Promise<Uint8Array>): Promise<Uint8Array> {
    let answer = await this.#ask(order);
    if (answer.kind === 'needsWeights') answer = await this.#ask({ ...order, weights: await readWeights() });
    switch (answer.kind) {
      case 'predicted':
        return answer.body;
      case 'refused':
        throw new ProblemError('invalidRequest', `${answer.message}.`, {
          issues: [{ path: '', message: answer.message, code: 'invalidValue' }],
        });
      default:
        throw new Error(`the prediction failed: ${answer.kind === 'failed' ? answer.message : answer.kind}`);
    }
  }

  async #ask(order: PredictOrder): Promise<PredictAnswer> {
    if (this.#closed) throw unavailable('The server is stopping.');
    const { cacheBytes, timeLimitMs } = this.#options;
    const thread = (this.#thread ??= this.#start(cacheBytes));
    const { promise, resolve, reject } = Promise.withResolvers<PredictAnswer>();
    const end = (): void => reject(unavailable('The server is stopping.'));
    thread.once('message', resolve).once('error', reject).once('exit', end);
    const timer = setTimeout(() => {
      reject(unavailable(`The prediction took longer than ${timeLimitMs / 1_000} s; send fewer inputs, or try again later.`));
    }, timeLimitMs);
    try {
      thread.postMessage(order, order.weights === undefined ? [] : [order.weights.buffer as ArrayBuffer]);
      return await promise;
    } catch (error) {
      // What it is in the midst of can't be trusted to end.
      this.#thread = undefined;
      await thread.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
      thread.off('message', resolve).off('error', reject).off('exit', end);
    }
  }

  /** Should it end while nobody waits for it, the next order gets another one. */
  #start(cacheBytes: number): Worker {
    const thread = new Worker(new URL('./predictThread.js', import.meta.url), { workerData: { cacheBytes } });
    thread.on('error', () => undefined);
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
    return thread;
  }
}

function unavailable(detail: string): ProblemError {
  return new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } });
}
