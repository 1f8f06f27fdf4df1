// The public routes that describe the service: links at `/`, and a catalog with every layer, loss, optimizer, scheduler and dataset, their
// options, and the limits.
import { catalog, catalogSchema } from '@trainyard/engine/spec';
import { z } from 'zod';
import { bodyBytesLimit, version } from '../config.ts';
import { negotiate } from '../http/accept.ts';
import { counted, json, problems } from '../http/answers.ts';
import { frontPage } from '../http/frontPage.ts';
import { originOf } from '../http/proxies.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';

const index = z.object({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) }).meta({ id: 'Index' });

const serviceCatalog = catalogSchema.extend({
  limits: catalogSchema.shape.limits.extend({
    bodyBytes: z.int().describe('The most bytes of a request body, except for uploads'),
    uploadBytes: z.int().describe('The most bytes of an upload'),
  }),
});

const links = [
  ['documentation', '/docs'],
  ['openapi', '/openapi.json'],
  ['catalog', '/catalog'],
  ['jobs', '/jobs'],
  ['ready', '/health/ready'],
] as const;

export const catalogRoutes: Routes = (app, { services: { apiKeys }, config: { limits, uploadBytesLimit } }, done) => {
  const needsKeys = apiKeys.current.length > 0;
  app.get(
    '/catalog',
    {
      config: { isPublic: true },
      schema: {
        operationId: 'getCatalog',
        summary: 'Everything that a spec can name, with its options, and the limits',
        tags: ['service'],
        response: { 200: json('The catalog.', serviceCatalog), ...problems(...counted) },
      },
    },
    () => {
      const known = catalog(limits);
      return { ...known, limits: { ...known.limits, bodyBytes: bodyBytesLimit, uploadBytes: uploadBytesLimit } };
    },
  );

  app.get(
    '/',
    {
      config: { isPublic: true },
      schema: {
        operationId: 'getIndex',
        summary: 'Links to the API reference and other starting points',
        description: 'A browser gets the links as a page.',
        tags: ['service'],
        response: {
          200: { description: 'Links.', content: { 'application/json': { schema: index }, 'text/html': { schema: z.unknown() } } },
          ...problems(...counted, 'notAcceptable'),
        },
      },
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/json', 'text/html']);
      if (type === undefined) throw new ProblemError('notAcceptable', 'The links come as application/json or text/html.');
      void reply.header('vary', 'accept');
      if (type === 'text/html') {
        const page = frontPage({ version, origin: originOf(request), basePath: request.basePath, needsKeys });
        return await reply.code(200).type('text/html; charset=utf-8').send(Buffer.from(page));
      }
      return {
        name: 'trainyard',
        version,
        links: Object.fromEntries(links.map(([name, path]) => [name, `${request.basePath}${path}`])),
      };
    },
  );
  done();
};
