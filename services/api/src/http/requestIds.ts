// The id and the path of a request, as they appear in responses and log lines.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const requestIdHeader = 'x-request-id';

/** The most bytes that the path and query of a request may have together. */
export const longestUrl = 8_192;

/** Returns the id that the client gave the request if it is safe in headers and log lines. Otherwise returns a new id. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[requestIdHeader];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Returns the path of a request target without its query. A query may contain secrets, which must not appear in logs and responses. */
export function pathOf(url: string): string {
  const query = url.search(/[?#]/);
  return query === -1 ? url : url.slice(0, query);
}
