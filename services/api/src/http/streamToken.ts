// The query parameter `token` authorizes one event stream, because an EventSource can't send an API key in a header.
import type { ApiKey, StreamTokens } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { seenPath } from '../plugins/basePath.ts';
import { ProblemError } from '../problems.ts';
import { patiently } from './patiently.ts';

/** How long a request for a stream waits for Redis before its client has to reconnect, in ms. */
export const streamPatienceMs = 5_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route accepts a stream token for the job in its path. */
    takesStreamToken?: boolean;
  }
}

/** Returns the stream token of a request; `undefined` if it has none, has an API key, or its route accepts no stream token. */
export function streamTokenOf({ routeOptions, query, headers }: FastifyRequest): string | undefined {
  if (routeOptions.config.takesStreamToken !== true || headers.authorization !== undefined) return undefined;
  const { token } = query as { readonly token?: unknown };
  return typeof token === 'string' ? token : undefined;
}

/** Returns the API key that created a stream token. @throws ProblemError 401 if the token cannot be used for this stream */
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
    `This stream token has expired, or it is for another stream. POST ${seenPath(request)}/token with an API key creates a new one.`,
    { headers: { 'www-authenticate': 'Bearer realm="trainyard", error="invalid_token"' } },
  );
}
