// Request ids and request paths: what names a request in answers and log lines.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const requestIdHeader = 'x-request-id';

/** The most bytes that the path and query of a request may have together. */
export const longestUrl = 8_192;

/** The caller's own id if it is one that can go into a header and a log line unharmed, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[requestIdHeader];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** The path of a request target, without its query: that may hold what does not belong into logs and answers. */
export function pathOf(url: string): string {
  const query = url.search(/[?#]/);
  return query === -1 ? url : url.slice(0, query);
}
