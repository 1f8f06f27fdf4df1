// Makes the requests of a route wait for a place before their bodies are read, so that those that wait take no memory. A place is given
// back when the answer has been sent or the client has left.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type FairSemaphore, TooManyWaitingError } from '../fairSemaphore.ts';
import { callerOf } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';
import { clientLeft } from './clientLeft.ts';

export interface AdmissionOptions {
  readonly places: FairSemaphore;
  /** How long a request may wait, in ms. */
  readonly waitLimitMs: number;
  /** What waits, in the plural, for errors: `predictions`. */
  readonly what: string;
}

/** Seconds after which a client that was refused may try again. */
const retryAfter = { headers: { 'retry-after': '5' } };

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #gone = new WeakMap<FastifyRequest, AbortSignal>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The hook of a route that is called before the body is read. */
  readonly onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { places, waitLimitMs, what } = this.#options;
    const gone = clientLeft(reply);
    this.#gone.set(request, gone);
    const late = AbortSignal.timeout(waitLimitMs);
    try {
      const release = await places.acquire(callerOf(request).name, AbortSignal.any([gone, late]));
      reply.raw.once('finish', release).once('close', release);
      if (gone.aborted) release();
    } catch (error) {
      gone.throwIfAborted();
      if (error instanceof TooManyWaitingError && error.isOwnLimit) {
        throw new ProblemError('tooManyRequests', `Too many ${what} of this key are waiting; wait for their answers first.`, retryAfter);
      }
      if (error instanceof TooManyWaitingError) {
        throw new ProblemError('unavailable', `Too many ${what} are waiting; try again shortly.`, retryAfter);
      }
      if (!late.aborted) throw error;
      const seconds = waitLimitMs / 1_000;
      throw new ProblemError('unavailable', `Other ${what} are still in progress after ${seconds} s; try again shortly.`, retryAfter);
    }
  };

  /** The hook of a route that is called after the body was read: who left meanwhile is noticed in the next turn of the event loop. */
  readonly preHandler = async (request: FastifyRequest): Promise<void> => {
    await nextTurn();
    this.signalOf(request).throwIfAborted();
  };

  /** Aborts when the client leaves before it has its answer. Only for requests of the route. */
  signalOf(request: FastifyRequest): AbortSignal {
    const signal = this.#gone.get(request);
    if (signal === undefined) throw new TypeError('the request was not admitted');
    return signal;
  }
}
