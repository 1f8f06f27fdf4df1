// The route `GET /metrics`, and the hook that measures all requests. metrics/serviceMetrics.ts defines the metrics.
import { isRedisUnavailable } from '@trainyard/jobs';
import fp from 'fastify-plugin';
import { z } from 'zod';
import { answer, forAdmins, problems } from '../http/answers.ts';
import type { ServiceMetrics } from '../metrics/serviceMetrics.ts';
import { pathPatternOf } from '../plugins/methodNotAllowed.ts';
import type { Routes } from './routeContext.ts';

/** Measures every request. Register this plugin before the routes. */
export const measureRequests = fp<{ metrics: ServiceMetrics }>((app, { metrics }, done) => {
  app.addHook('onRequest', (request, reply, next) => {
    reply.raw.once('close', () => {
      // Streams are not measured, because a stream lasts as long as its job.
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
        summary: 'The metrics of the service, for Prometheus',
        description:
          'Metrics of the API process that answers: requests, event streams and resources. Metrics of the whole service: jobs, queues, epochs, samples and workers. Every API process reports the same values for the whole service.',
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
        app.redisHealth.report(error);
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
