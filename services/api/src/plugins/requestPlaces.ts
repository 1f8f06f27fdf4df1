// Limits how many requests of each API key are in progress in this process. Further requests wait before their bodies are read, so a key
// that sends many requests at once delays only its own requests. Event streams have a separate limit.
import { getDefaultHighWaterMark } from 'node:stream';
import type { ApiKeys } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
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

/** While a request waits, Node reads a body of up to this many bytes. Of a longer body it reads the beginning and then stops. */
const readAheadBytes = getDefaultHighWaterMark(false);

/**
 * A longer body counts as this many bytes, whatever its length: while the service does not read, the operating system fills the receive
 * buffer of the connection, with bytes of this body and of what the client sends after it. The size of that buffer does not depend on the
 * body (docs/operating.md has measured sizes).
 */
const longBodyBytes = 2 ** 20;

/** How many bytes all bodies of the waiting requests of one key may have. At most 64 of them are then longer than `readAheadBytes`. */
const waitingBytesPerKey = 64 * longBodyBytes;

/** Returns how many bytes of the body count. Without a `content-length` a body may have any length. */
function bodyBytesOf({ headers }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return longBodyBytes;
  const bytes = Number(headers['content-length'] ?? 0);
  return bytes > readAheadBytes ? longBodyBytes : bytes;
}

/** Register this plugin after the one that sets `request.caller`. */
export const requestPlaces = fp<RequestPlacesOptions>((app, { keys, requestsPerKey, waitLimitMs }, done) => {
  const semaphore = new FairSemaphore({ places: Infinity, placesPerKey: requestsPerKey, waitingPerKey });
  /** The bytes of the bodies of each key's waiting requests. A key without such requests is absent. */
  const waitingBytes = new Map<string, number>();
  const count = (name: string, change: number): void => {
    const bytes = (waitingBytes.get(name) ?? 0) + change;
    if (bytes > 0) waitingBytes.set(name, bytes);
    else waitingBytes.delete(name);
  };

  app.addHook('onRequest', async (request, reply) => {
    const { caller } = request;
    if (caller === null || keys.current.length === 0) return;
    if (request.routeOptions.config.isStream === true && eventMediaType(request) === 'text/event-stream') return;
    const problem = (): ProblemError => {
      const detail = `Too many requests of this key are in progress (the limit is ${requestsPerKey}). Wait for their responses before you send more.`;
      return new ProblemError('tooManyRequests', detail, { headers: { 'retry-after': '1' } });
    };
    const bytes = bodyBytesOf(request);
    if (bytes > 0 && (waitingBytes.get(caller.name) ?? 0) + bytes > waitingBytesPerKey) throw problem();
    count(caller.name, bytes);
    await holdPlace(semaphore, caller.name, reply, { ms: waitLimitMs, problem }).finally(() => count(caller.name, -bytes));
  });
  done();
});
