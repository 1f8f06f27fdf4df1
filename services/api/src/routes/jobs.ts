// The routes that list jobs and show one. See jobActions.ts for the routes that change a job.
import { jobId, jobPage, jobSchema, jobStatus } from '@trainyard/contracts';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobLabel, jobParams, pageLimit, unnamed } from '../http/parameters.ts';
import { visibleOwner } from '../plugins/access.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

const time = (which: string) =>
  z.iso
    .datetime({ offset: true, error: 'must be a time of RFC 3339 such as 2026-11-25T19:00:00Z' })
    .transform((text) => Date.parse(text))
    .optional()
    .describe(`Only jobs that were created ${which} this time (RFC 3339).`);

const listQuery = z.strictObject({
  status: z.enum(jobStatus.options).optional().describe('Only jobs that are in this status now.'),
  label: jobLabel.describe('Only jobs with this label, as `key:value`.'),
  createdAfter: time('after'),
  createdBefore: time('before'),
  limit: pageLimit(100).default(20),
  after: unnamed(jobId).optional().describe('The `nextCursor` of the page before.'),
});

export const jobRoutes: Routes = (app, { services: { jobs } }, done) => {
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
      return await jobs.list({ ...request.query, owner: visibleOwner(request) });
    },
  );

  app.get(
    '/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        summary: 'The current state of a job',
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
