// Hooks that make the requests of a route wait for a place before their bodies are read.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FairSemaphore } from '../fairSemaphore.ts';
import { callerOf } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';
import { clientLeft } from './clientLeft.ts';
import { holdPlace } from './holdPlace.ts';

export interface AdmissionOptions {
  readonly places: FairSemaphore;
  /** How long a request may wait, in ms. */
  readonly waitLimitMs: number;
  /** The name of the work, in the plural, for the error of a request that has waited too long: `predictions`. */
  readonly what: string;
}

export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Runs before the body is read and waits for a place. */
  readonly onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { places, waitLimitMs, what } = this.#options;
    const problem = (): ProblemError => {
      const detail = `Other ${what} are still in progress after ${waitLimitMs / 1_000} s; try again shortly.`;
      return new ProblemError('unavailable', detail, { headers: { 'retry-after': '5' } });
    };
    await holdPlace(places, callerOf(request).name, reply, { ms: waitLimitMs, problem });
  };

  /** Runs after the body was read. Ends the request if its client has left. Node reports this one turn of the event loop later. */
  readonly preHandler = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    await nextTurn();
    clientLeft(reply).throwIfAborted();
  };
}
