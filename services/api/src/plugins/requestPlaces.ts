// Limits how many requests of each API key are in progress in this process. Further requests wait before their bodies are read, so a key
// that sends many requests at once delays only its own requests. Event streams have a separate limit.
import type { ApiKeys } from '@trainyard/jobs';
import fp from 'fastify-plugin';
import { FairSemaphore } from '../fairSemaphore.ts';
import { eventMediaType } from '../http/accept.ts';
import { holdPlace } from '../http/holdPlace.ts';
import { ProblemError } from '../problems.ts';

export interface RequestPlacesOptions {
  readonly keys: ApiKeys;
  /** How many requests of one API key may be in progress. Without API keys there is no limit. */
  readonly requestsPerKey: number;
  /** How long a request may wait for its turn, in ms. */
  readonly waitLimitMs: number;
}

/** How many requests of one key may wait. */
const waitingPerKey = 1_000;

/** Register this plugin after the one that sets `request.caller`. */
export const requestPlaces = fp<RequestPlacesOptions>((app, { keys, requestsPerKey, waitLimitMs }, done) => {
  const semaphore = new FairSemaphore({ places: Infinity, placesPerKey: requestsPerKey, waitingPerKey });

  app.addHook('onRequest', async (request, reply) => {
    const { caller } = request;
    if (caller === null || keys.current.length === 0) return;
    if (request.routeOptions.config.isStream === true && eventMediaType(request) === 'text/event-stream') return;
    const problem = (): ProblemError => {
      const detail = `Too many requests of this key are in progress (the limit is ${requestsPerKey}). Wait for their responses before you send more.`;
      return new ProblemError('tooManyRequests', detail, { headers: { 'retry-after': '1' } });
    };
    await holdPlace(semaphore, caller.name, reply, { ms: waitLimitMs, problem });
  });
  done();
});
