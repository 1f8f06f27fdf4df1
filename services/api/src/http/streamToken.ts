// A token for one event stream, as `?token=`: a browser's own EventSource can't send a key in a header.
import type { ApiKey, StreamTokens } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../problems.ts';
import { patiently } from './patiently.ts';
import { pathOf } from './requestIds.ts';

/** How long a request for a stream waits for Redis before its client is told to come back, in ms. */
export const streamPatienceMs = 5_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes a token for the stream of the job that its path names. */
    takesStreamToken?: boolean;
  }
}

/** The token that a request comes with instead of a key; undefined if it has none, or its route takes none. */
export function streamTokenOf({ routeOptions, query, headers }: FastifyRequest): string | undefined {
  if (routeOptions.config.takesStreamToken !== true || headers.authorization !== undefined) return undefined;
  const { token } = query as { readonly token?: unknown };
  return typeof token === 'string' ? token : undefined;
}

/** The key that a stream token stands for. @throws ProblemError 401 */
export async function keyOfStreamToken(
  request: FastifyRequest,
  token: string,
  tokens: StreamTokens,
  keys: readonly ApiKey[],
): Promise<ApiKey> {
  const { id } = request.params as { readonly id: string };
  const holder = await patiently(async () => await tokens.open(token, id), streamPatienceMs);
  const key = keys.find(({ name, sha256 }) => holder?.name === name && holder.sha256 === sha256);
  if (key !== undefined) return key;
  throw new ProblemError(
    'unauthorized',
    `This stream token has expired, or it is for another stream. POST ${pathOf(request.url)}/token with an API key answers a new one.`,
    { headers: { 'www-authenticate': 'Bearer realm="trainyard", error="invalid_token"' } },
  );
}
