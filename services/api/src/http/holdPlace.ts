// Makes a request wait for a place of a semaphore. Call it before the body is read, so that a waiting request takes little memory.
import type { FastifyReply } from 'fastify';
import type { FairSemaphore } from '../fairSemaphore.ts';
import type { ProblemError } from '../problems.ts';
import { clientLeft } from './clientLeft.ts';

export interface WaitLimit {
  /** How long the request may wait, in ms. */
  readonly ms: number;
  /** Creates the error of a request that has waited this long. */
  readonly problem: () => ProblemError;
}

/**
 * Waits for a place, and gives it back when the response has been sent or the client has left.
 * @param key the name of the caller's API key; keys take turns
 * @param limit default: the request may wait until its client leaves
 * @throws TooManyWaitingError if too many requests wait already
 * @throws the problem of `limit`, if the request has waited too long
 * @throws the reason of {@link clientLeft}, if the client leaves before there is a place
 */
export async function holdPlace(places: FairSemaphore, key: string, reply: FastifyReply, limit?: WaitLimit): Promise<void> {
  const left = clientLeft(reply);
  const late = limit && AbortSignal.timeout(limit.ms);
  try {
    const release = await places.acquire(key, late === undefined ? left : AbortSignal.any([left, late]));
    reply.raw.once('finish', release).once('close', release);
    // The connection may have closed before the listeners were added.
    if (left.aborted) release();
  } catch (error) {
    left.throwIfAborted();
    throw limit !== undefined && late?.aborted === true ? limit.problem() : error;
  }
}
