// Listing, showing and cancelling jobs. What becomes of a job is the job store's to decide; here is only HTTP.
import { jobId, jobPage, jobSchema } from '@trainyard/contracts';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams, pageLimit, parseBody, unnamed } from '../http/parameters.ts';
import { visibleOwner } from '../plugins/access.ts';
import { visibleJob } from './visibleJob.ts';

const listQuery = z.strictObject({
  limit: pageLimit(100).default(20),
  after: unnamed(jobId).optional().describe('The `nextCursor` of the page before.'),
});

export const jobRoutes: FastifyPluginCallbackZod<{ jobs: JobStore }> = (app, { jobs }, done) => {
  app.get(
    '/jobs',
    {
      schema: {
        operationId: 'listJobs',
        summary: 'Your jobs, newest first',
        tags: ['jobs'],
        querystring: listQuery,
        response: { 200: json('A page of jobs.', jobPage), ...problems(...guarded, 'invalidRequest') },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const owner = visibleOwner(request);
      return await jobs.list({ limit, ...(after === undefined ? {} : { after }), ...(owner === undefined ? {} : { owner }) });
    },
  );

  app.get(
    '/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        summary: 'A job as it is now',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: { 200: json('The job.', jobSchema), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => await visibleJob(jobs, request.params.id, request),
  );

  app.post(
    '/jobs/:id/cancel',
    {
      schema: {
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        description: 'A queued job is cancelled at once, a running one within a second. Cancelling it again changes nothing.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          202: json('The job, which is cancelled or about to be.', jobSchema),
          ...problems(...guarded, 'notFound', 'wrongState', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      // Not in the route's schema: the document would then ask for a body, and none is needed.
      parseBody(z.strictObject({}).nullish(), request.body);
      const { id } = await visibleJob(jobs, request.params.id, request);
      return reply.code(202).send(await jobs.requestCancel(id));
    },
  );
  done();
};
