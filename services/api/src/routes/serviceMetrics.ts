// `GET /metrics`, and the measuring of all requests for it. What is told is metrics/serviceMetrics.ts's.
import { isRedisUnavailable } from '@trainyard/jobs';
import fp from 'fastify-plugin';
import { z } from 'zod';
import { answer, forAdmins, problems } from '../http/answers.ts';
import type { ServiceMetrics } from '../metrics/serviceMetrics.ts';
import { pathPatternOf } from '../plugins/methodNotAllowed.ts';
import type { Routes } from './routeContext.ts';

/** Measures every request; to be registered before the routes. */
export const measureRequests = fp<{ metrics: ServiceMetrics }>((app, { metrics }, done) => {
  app.addHook('onRequest', (request, reply, next) => {
    reply.raw.once('close', () => {
      // A stream lasts as long as its job.
      if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
      const route = pathPatternOf(request) ?? 'none';
      metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1_000);
    });
    next();
  });
  done();
});

export const serviceMetricsRoutes: Routes = (app, { services }, done) => {
  const { metrics, totals, eventHub, storageHealth } = services;
  app.get(
    '/metrics',
    {
      config: { isAdminOnly: true },
      schema: {
        operationId: 'getServiceMetrics',
        summary: 'How the service does, for Prometheus',
        description:
          'Of the process that answers: requests, event streams, resources. Of the whole service: jobs, queues, epochs, samples, workers; these are the same from every API process.',
        tags: ['service'],
        querystring: z.strictObject({}),
        response: {
          200: answer("Prometheus's text format.", 'text/plain', z.string()),
          ...problems(...forAdmins, 'invalidRequest'),
        },
      },
    },
    async (_request, reply) => {
      const known = await totals.read().catch((error: unknown) => {
        app.redisHealth?.report(error);
        if (!isRedisUnavailable(error)) throw error;
        return null;
      });
      return reply
        .code(200)
        .type(metrics.contentType)
        .send(await metrics.text(known, eventHub.followers, await storageHealth.isUp()));
    },
  );
  done();
};
