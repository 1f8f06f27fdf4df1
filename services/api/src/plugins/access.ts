// Who may call: holders of a bearer key (RFC 6750) where keys are configured; without any, everybody on this machine
// and nobody else. That takes a look at Host and Origin too, since a web page can let its own name resolve to
// 127.0.0.1. Written here rather than taken from @fastify/bearer-auth, of which our own answers and hashed keys would
// leave nothing but one regular expression.
import {
  type ApiKey,
  type ApiKeys,
  findApiKey,
  isLoopback,
  isRedisUnavailable,
  type RateLimiter,
  type StreamTokens,
} from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { forwardingHeader, hostOfAuthority } from '../http/proxies.ts';
import { keyOfStreamToken, streamTokenOf } from '../http/streamToken.ts';
import { ProblemError } from '../problems.ts';
import { seenPath } from './basePath.ts';

export type Caller = ApiKey;

/** Who calls where no keys are configured. No key can have this name: names have no colon. */
const local: Caller = { name: ':local', role: 'admin', sha256: '' };

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null on public routes, and before the key was looked at. */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** The route answers without a key. */
    isPublic?: boolean;
    /** The rate limit does not count requests to this route. Only public routes may have this. */
    isUncounted?: boolean;
    /** The route answers admins alone. */
    isAdminOnly?: boolean;
  }
}

/** The caller of a request to a guarded route. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw unauthorized('Send an API key: Authorization: Bearer KEY.', '');
  return request.caller;
}

/** Whether the caller is the user of this machine, because no API keys are configured. */
export const isLocal = (caller: Caller): boolean => caller === local;

/** The owner whose jobs a caller may see: its own, or, for an admin, undefined for everybody's. */
export function visibleOwner(request: FastifyRequest): string | undefined {
  const { name, role } = callerOf(request);
  return role === 'admin' ? undefined : name;
}

function unauthorized(detail: string, challenge: string): ProblemError {
  return new ProblemError('unauthorized', detail, { headers: { 'www-authenticate': `Bearer realm="trainyard"${challenge}` } });
}

function refuseForeign(request: FastifyRequest, host: string, corsOrigins: readonly string[]): void {
  if (!isLoopback(host)) {
    throw new ProblemError(
      'forbiddenHost',
      'Without API keys only this machine is served, by the names localhost, 127.0.0.1 and [::1]. To serve others, set TRAINYARD_API_KEYS (npm run key makes one).',
    );
  }
  const forwarded = forwardingHeader(request.headers);
  if (forwarded !== undefined) {
    throw new ProblemError(
      'forwardedRequest',
      `Without API keys, requests that came through a proxy (here: ${forwarded}) are refused, since anybody may have sent them. Set TRAINYARD_API_KEYS (npm run key makes one), and TRAINYARD_TRUST_PROXY to the proxy's address.`,
    );
  }
  const { origin } = request.headers;
  if (origin === undefined || isOwnOrigin(origin, request.headers.host) || isNamedHere(origin, corsOrigins)) return;
  throw new ProblemError(
    'forbiddenOrigin',
    'Without API keys, requests that a browser sends for a page of another site or port are refused. To allow a site of this machine, add it to TRAINYARD_CORS_ORIGINS.',
  );
}

/** Returns whether this origin is the service itself, under the host name that the client used. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && URL.canParse(`http://${host}`) && new URL(origin).origin === new URL(`http://${host}`).origin;
}

/** Returns whether the operator allows this origin and it is on this machine. */
function isNamedHere(origin: string, corsOrigins: readonly string[]): boolean {
  return corsOrigins.includes(origin) && isLoopback(hostOfAuthority(origin.replace(/^https?:\/\//, '')) ?? '');
}

/** Returns whether the request's path answers without a key. */
function isPublic({ routeOptions, knownPath }: FastifyRequest): boolean {
  return routeOptions.config.isPublic === true || knownPath?.isPublic === true;
}

/** The key that a request carries. @throws ProblemError 401 */
function keyOf(request: FastifyRequest, keys: readonly ApiKey[]): ApiKey {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('Send an API key: Authorization: Bearer KEY.', '');
  const key = findApiKey(keys, token);
  if (key === null) throw unauthorized('This API key is not known.', ', error="invalid_token"');
  return key;
}

export interface AccessOptions {
  readonly keys: ApiKeys;
  /** Counts requests per key, and per address if they have no valid key or need none. `null`: requests are not counted. */
  readonly rateLimiter: RateLimiter | null;
  readonly streamTokens: StreamTokens;
  /** The web sites that may call this service from their pages. Without API keys, only sites of this machine may call it. */
  readonly corsOrigins: readonly string[];
}

export const access = fp<AccessOptions>((app, { keys, rateLimiter, streamTokens, corsOrigins }, done) => {
  /** @throws ProblemError 429 */
  const countRequest = async (subject: string): Promise<void> => {
    // Without Redis nobody counts; what needs Redis then says so itself.
    const turn = await rateLimiter?.take(subject).catch((error: unknown) => {
      app.redisHealth?.report(error);
      if (!isRedisUnavailable(error)) throw error;
    });
    if (turn === undefined || turn.taken) return;
    const seconds = Math.max(1, Math.ceil(turn.retryAfterMs / 1_000));
    throw new ProblemError('tooManyRequests', `More than ${rateLimiter?.perMinute} requests a minute; try again in ${seconds} s.`, {
      headers: { 'retry-after': String(seconds) },
    });
  };

  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request) => {
    // Read before the first await, because a request loses its address when the connection is closed.
    const address = request.ip;
    const host = hostOfAuthority(request.headers.host);
    if (host === undefined) throw new ProblemError('badRequest', 'The Host header is missing or is not a host.');
    if (keys.current.length === 0) {
      refuseForeign(request, host, corsOrigins);
      request.caller = local;
    } else if (isPublic(request)) {
      if (request.routeOptions.config.isUncounted !== true) await countRequest(`address:${address}`);
    } else {
      // Counted before the response, so that a 401 or a 404 counts like any other request.
      try {
        const token = streamTokenOf(request);
        request.caller =
          token === undefined ? keyOf(request, keys.current) : await keyOfStreamToken(request, token, streamTokens, keys.current);
      } finally {
        await countRequest(request.caller === null ? `address:${address}` : `key:${request.caller.name}`);
      }
    }
    if (request.routeOptions.config.isAdminOnly === true && request.caller?.role !== 'admin') {
      throw new ProblemError('adminOnly', `${seenPath(request)} is for admins only. Create an admin key with npm run key -- NAME --admin.`);
    }
  });
  done();
});
