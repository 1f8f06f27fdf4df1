// Answers a known path with an unknown method by 405 and an Allow header (RFC 9110 §15.5.6); fastify by itself
// answers 404. The methods of each path are collected from the routes, so the 405 routes are added after all others.
import { METHODS } from 'node:http';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { seenPath } from './basePath.ts';
import { ProblemError } from '../problems.ts';

/** Begins to collect routes; the function that it returns adds the 405 routes for all paths collected until then. */
export function collectMethods(app: FastifyInstance): () => void {
  const routesByPath = new Map<string, RouteOptions[]>();
  app.addHook('onRoute', (route: RouteOptions) => {
    routesByPath.set(route.url, [...(routesByPath.get(route.url) ?? []), route]);
  });

  // CONNECT never reaches the router, and a method that the router does not know would be a 404.
  const known = METHODS.filter((method) => method !== 'CONNECT');
  for (const method of known) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });

  return () => {
    const collected = new Map(routesByPath);
    for (const [url, routes] of collected) {
      const methods = new Set(routes.flatMap((route) => route.method));
      const allow = [...methods].toSorted().join(', ');
      const isPublic = routes.some((route) => route.config?.isPublic === true);
      app.route({
        url,
        method: known.filter((method) => !methods.has(method)),
        schema: { hide: true },
        config: { isPublic },
        // Refused before the body is read, because its content makes no difference.
        preParsing: (request, _reply, _payload, done) => {
          done(
            new ProblemError('methodNotAllowed', `${seenPath(request)} supports ${allow}, not ${request.method}.`, { headers: { allow } }),
          );
        },
        handler: () => undefined,
      });
    }
  };
}
