// Authenticates requests. If API keys are configured, a request needs one of them as a bearer token (RFC 6750). Without API keys, only this
// machine may send requests. Then the headers Host and Origin are checked too, because a web page can make its own host name resolve to
// 127.0.0.1. @fastify/bearer-auth is not used: with our error responses and hashed keys, it would save only one regular expression.
import {
  type ApiKey,
  type ApiKeys,
  findApiKey,
  isLoopback,
  isRedisUnavailable,
  type RateLimiter,
  type StreamTokens,
  type Turn,
} from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { AddressLimiter } from '../http/addressLimiter.ts';
import { forwardingHeader, hostOfAuthority } from '../http/proxies.ts';
import { keyOfStreamToken, streamTokenOf } from '../http/streamToken.ts';
import { ProblemError } from '../problems.ts';
import { seenPath } from './basePath.ts';

export type Caller = ApiKey;

/** The caller of all requests if no API keys are configured. No key can have this name, because names of keys have no colon. */
const local: Caller = { name: ':local', role: 'admin', sha256: '' };

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller of the request. `null` for public routes, and before the API key is checked. */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** Whether the route needs no API key. */
    isPublic?: boolean;
    /** Whether the rate limit ignores requests to this route. Allowed for public routes only. */
    isUncounted?: boolean;
    /** Whether the route needs the API key of an admin. */
    isAdminOnly?: boolean;
  }
}

/** Returns the caller of a request to a route that needs an API key. @throws ProblemError 401 if the request has no caller */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw unauthorized('Send an API key: Authorization: Bearer KEY.', '');
  return request.caller;
}

/** Returns whether the caller is the user of this machine, because no API keys are configured. */
export const isLocal = (caller: Caller): boolean => caller === local;

/** Returns the owner of the jobs that the caller may see: the caller itself, or `undefined` for an admin, who may see all jobs. */
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
      'Without API keys, only requests to localhost, 127.0.0.1 or [::1] are accepted. To accept requests to other hosts, set TRAINYARD_API_KEYS (npm run key creates a key).',
    );
  }
  const forwarded = forwardingHeader(request.headers);
  if (forwarded !== undefined) {
    throw new ProblemError(
      'forwardedRequest',
      `Without API keys, requests that came through a proxy (here: ${forwarded}) are refused, because anybody may have sent them. Set TRAINYARD_API_KEYS (npm run key creates a key), and set TRAINYARD_TRUST_PROXY to the proxy's address.`,
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

/** Returns whether the path of a request needs no API key. */
function isPublic({ routeOptions, knownPath }: FastifyRequest): boolean {
  return routeOptions.config.isPublic === true || knownPath?.isPublic === true;
}

/** Returns whether the rate limit ignores requests to the path of a request. */
function isUncounted({ routeOptions, knownPath }: FastifyRequest): boolean {
  return routeOptions.config.isUncounted === true || knownPath?.isUncounted === true;
}

/** Returns the API key of a request. @throws ProblemError 401 if the request has no key or an unknown one */
function keyOf(request: FastifyRequest, keys: readonly ApiKey[]): ApiKey {
  const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw unauthorized('Send an API key: Authorization: Bearer KEY.', '');
  const key = findApiKey(keys, token);
  if (key === null) throw unauthorized('This API key is not known.', ', error="invalid_token"');
  return key;
}

export interface AccessOptions {
  readonly keys: ApiKeys;
  /** Counts the requests of each API key. `null` counts no requests. */
  readonly rateLimiter: RateLimiter | null;
  /** Counts the requests of each address to public routes, and those without a valid API key. `null` counts no requests. */
  readonly addressLimiter: AddressLimiter | null;
  readonly streamTokens: StreamTokens;
  /** The web sites that may call this service from their pages. Without API keys, only sites of this machine may call it. */
  readonly corsOrigins: readonly string[];
}

/** @throws ProblemError 429 if the caller has reached its limit */
function expectTurn(turn: Turn | undefined, perMinute: number | undefined): void {
  if (turn === undefined || turn.isAllowed) return;
  const seconds = Math.max(1, Math.ceil(turn.retryAfterMs / 1_000));
  throw new ProblemError('tooManyRequests', `More than ${perMinute} requests a minute; try again in ${seconds} s.`, {
    headers: { 'retry-after': String(seconds) },
  });
}

export const access = fp<AccessOptions>((app, { keys, rateLimiter, addressLimiter, streamTokens, corsOrigins }, done) => {
  /** Counts a request without a valid API key. @throws ProblemError 429 if the address has reached its limit */
  const countAddress = (address: string): void => expectTurn(addressLimiter?.take(address), addressLimiter?.perMinute);
  /** Counts a request of an API key. @throws ProblemError 429 if the key has reached its limit */
  const countKey = async ({ name }: Caller): Promise<void> => {
    // While Redis is unavailable, requests are not counted. Routes that need Redis then answer with 503 themselves.
    const turn = await rateLimiter?.take(`key:${name}`).catch((error: unknown) => {
      app.redisHealth.report(error);
      if (!isRedisUnavailable(error)) throw error;
      return undefined;
    });
    expectTurn(turn, rateLimiter?.perMinute);
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
      if (!isUncounted(request)) countAddress(address);
    } else {
      // Counted before the response, so that a 401 or a 404 counts like any other request.
      try {
        const token = streamTokenOf(request);
        request.caller =
          token === undefined ? keyOf(request, keys.current) : await keyOfStreamToken(request, token, streamTokens, keys.current);
      } finally {
        if (request.caller === null) countAddress(address);
        else await countKey(request.caller);
      }
    }
    if (request.routeOptions.config.isAdminOnly === true && request.caller?.role !== 'admin') {
      throw new ProblemError('adminOnly', `${seenPath(request)} is for admins only. Create an admin key with npm run key -- NAME --admin.`);
    }
  });
  done();
});
