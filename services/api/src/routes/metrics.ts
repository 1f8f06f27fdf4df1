// The route for the metrics of a job's epochs so far, as JSON or as CSV.
import { jobMetrics } from '@trainyard/contracts';
import { z } from 'zod';
import { metricsCsv } from '../files/metricsCsv.ts';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { inTurns } from '../http/inTurns.ts';
import { jobParams } from '../http/parameters.ts';
import { jsonType, jsonWithList, sendPieces } from '../http/pieces.ts';
import { callerOf } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

export const metricsRoutes: Routes = (app, { services: { jobs, eventLog, historyTurns } }, done) => {
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
            description: 'One entry (JSON) or row (CSV) for each epoch.',
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
      const pages = inTurns(eventLog.epochPages(id), historyTurns, callerOf(request).name);
      void reply.header('vary', 'accept');
      if (type === 'text/csv') await sendPieces(reply, 'text/csv; charset=utf-8', metricsCsv(pages));
      else await sendPieces(reply, jsonType, jsonWithList({}, 'epochs', pages));
      return reply;
    },
  );
  done();
};
