// Listing and showing jobs. What is done to them is in jobActions.ts.
import { jobId, jobPage, jobSchema } from '@trainyard/contracts';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams, pageLimit, unnamed } from '../http/parameters.ts';
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
  done();
};
