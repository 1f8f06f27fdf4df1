// The path under which clients see this service when a proxy serves it below its own root. Routes know nothing of it: it is taken off
// each request's path before they are looked up, and put before each path that an answer names.
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { basePathOf, type TrustProxy } from '../http/proxies.ts';
import { pathOf } from '../http/requestIds.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Without a slash at its end: '' or '/trainyard'. */
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
