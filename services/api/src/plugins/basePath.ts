// The path under which a proxy serves this service. Routes do not know it: it is removed from the path of each request before routing, and
// added to each path in a response.
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { basePathOf, type TrustProxy } from '../http/proxies.ts';
import { pathOf } from '../http/requestIds.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The base path without a slash at its end: '' or '/trainyard'. */
    basePath: string;
  }
}

/** The path of a request as its client sees it, without the query. */
export function seenPath(request: FastifyRequest): string {
  return `${request.basePath}${pathOf(request.url)}`;
}

export interface BasePathOptions {
  readonly basePath: string;
  readonly trust: TrustProxy;
}

export const basePaths = fp<BasePathOptions>((app, { basePath, trust }, done) => {
  app.decorateRequest('basePath', basePath);
  app.addHook('onRequest', (request, _reply, next) => {
    request.basePath = basePathOf(request.raw, trust, basePath);
    next();
  });
  app.addHook('onSend', async (request, reply) => {
    const location = reply.getHeader('location');
    if (request.basePath !== '' && typeof location === 'string' && location.startsWith('/')) {
      void reply.header('location', `${request.basePath}${location}`);
    }
  });
  done();
});
