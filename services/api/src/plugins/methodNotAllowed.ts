// Answers 405 with an Allow header (RFC 9110 §15.5.6) if the path of a request has routes, but none for its method. fastify alone would
// answer 404. A second router finds the path without regard to the method. It is built when the first request without a route arrives.
// Registering a route for each path and each of HTTP's 34 methods instead would take a third of the time for creating the app.
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import findMyWay from 'find-my-way';
import { nothingThere, ProblemError } from '../problems.ts';
import { seenPath } from './basePath.ts';

interface KnownPath {
  /** The pattern of the path, such as `/jobs/:id`. */
  readonly url: string;
  /** The value of the Allow header. */
  readonly allow: string;
  /** Whether a route of the path needs no API key. */
  readonly isPublic: boolean;
  /** Whether the rate limit ignores requests to all routes of the path. */
  readonly isUncounted: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The path of a request if it has routes, but none for the method of the request. Null for all other requests. */
    knownPath: KnownPath | null;
  }
}

/** Returns the pattern of the request's path, even if the path has no route for the method; undefined for an unknown path. */
export function pathPatternOf({ routeOptions, knownPath }: FastifyRequest): string | undefined {
  return routeOptions.url ?? knownPath?.url;
}

/** Returns the 405, or the 404, for a request that has no route. */
export function noRoute(request: FastifyRequest): ProblemError {
  if (request.knownPath === null) return nothingThere(request);
  const { allow } = request.knownPath;
  return new ProblemError('methodNotAllowed', `${seenPath(request)} supports ${allow}, not ${request.method}.`, { headers: { allow } });
}

/** Sets `knownPath` of each request without a route. Call this before routes and other hooks are added. */
export function collectMethods(app: FastifyInstance): void {
  const routesByPath = new Map<string, RouteOptions[]>();
  app.addHook('onRoute', (route: RouteOptions) => {
    routesByPath.set(route.url, [...(routesByPath.get(route.url) ?? []), route]);
  });

  let router: ReturnType<typeof routerOf> | undefined;
  app.decorateRequest('knownPath', null);
  app.addHook('onRequest', (request, _reply, next) => {
    if (request.is404) {
      router ??= routerOf(routesByPath);
      request.knownPath = (router.find('GET', request.raw.url ?? '')?.store as KnownPath | undefined) ?? null;
    }
    next();
  });
}

/** Returns a router that finds the known path of a URL. Every path is registered under GET, even if it has no GET route. */
function routerOf(routesByPath: ReadonlyMap<string, readonly RouteOptions[]>) {
  const router = findMyWay();
  for (const [url, routes] of routesByPath) {
    const methods = new Set(routes.flatMap((route) => route.method));
    const isPublic = routes.some((route) => route.config?.isPublic === true);
    const isUncounted = routes.every((route) => route.config?.isUncounted === true);
    const knownPath: KnownPath = { url, allow: [...methods].toSorted().join(', '), isPublic, isUncounted };
    router.on('GET', url, () => undefined, knownPath);
  }
  return router;
}
