// The metrics of a job's epochs so far, as JSON or as a table.
import { jobMetrics } from '@trainyard/contracts';
import type { EventLog, JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { metricsCsv } from '../files/metricsCsv.ts';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import { visibleJob } from './visibleJob.ts';

export const metricsRoutes: FastifyPluginCallbackZod<{ jobs: JobStore; eventLog: EventLog }> = (app, { jobs, eventLog }, done) => {
  app.get(
    '/jobs/:id/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        summary: "The metrics of a job's epochs so far",
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          200: {
            description: 'One entry, or row, for each epoch.',
            content: { 'application/json': { schema: jobMetrics }, 'text/csv': { schema: z.string() } },
          },
          ...problems(...guarded, 'notFound', 'notAcceptable', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/json', 'text/csv']);
      if (type === undefined) throw new ProblemError('notAcceptable', 'Metrics come as application/json or text/csv.');
      const { id } = await visibleJob(jobs, request.params.id, request);
      const epochs = await eventLog.epochs(id);
      void reply.header('vary', 'accept');
      if (type === 'text/csv') return reply.code(200).type('text/csv; charset=utf-8').send(metricsCsv(epochs));
      return reply.code(200).send({ epochs });
    },
  );
  done();
};
