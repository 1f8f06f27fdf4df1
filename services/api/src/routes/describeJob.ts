// The route that changes the name, the labels and the notes of a job.
import { jobChange, jobSchema } from '@trainyard/contracts';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { quotasOf } from '../plugins/quotas.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

export const describeJobRoute: Routes = (app, { services: { jobs, keyQuotas } }, done) => {
  app.patch(
    '/jobs/:id',
    {
      schema: {
        operationId: 'describeJob',
        summary: 'Change the name, the labels and the notes of a job',
        description:
          'Fields that the body leaves out stay as they are. The job may be in any status. Its training and its result do not change.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        body: jobChange,
        response: {
          200: json('The job after the change.', jobSchema),
          ...problems(
            ...guarded,
            'notFound',
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
            'invalidRequest',
            'quotaExceeded',
            'storageQuotaExceeded',
          ),
        },
      },
    },
    async (request) => {
      const { id } = await visibleJob(jobs, request.params.id, request);
      return await jobs.describe(id, request.body, quotasOf(request, keyQuotas));
    },
  );
  done();
};
