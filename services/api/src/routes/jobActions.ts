// The routes that cancel, pause, resume and delete a job. Each action of the contract's list has a route. The job store decides what an
// action does in each status.
import { jobActionNames, jobActions, jobSchema } from '@trainyard/contracts';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams, parseBody } from '../http/parameters.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

export const jobActionRoutes: Routes = (app, { services: { jobs, reservedFiles } }, done) => {
  for (const name of jobActionNames) {
    const { summary, description, response } = jobActions[name];
    app.post(
      `/jobs/:id/${name}`,
      {
        schema: {
          operationId: `${name}Job`,
          summary,
          description,
          tags: ['jobs'],
          params: jobParams,
          querystring: z.strictObject({}),
          response: {
            202: json(response, jobSchema),
            ...problems(...guarded, 'notFound', 'wrongState', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'),
          },
        },
      },
      async (request, reply) => {
        // The body is not in the route's schema, because the OpenAPI document would then require one.
        parseBody(z.strictObject({}).nullish(), request.body);
        const { id } = await visibleJob(jobs, request.params.id, request);
        return reply.code(202).send(await jobs.act(name, id));
      },
    );
  }

  app.delete(
    '/jobs/:id',
    {
      schema: {
        operationId: 'deleteJob',
        summary: 'Delete a finished job',
        description: 'Its events and files are deleted too. Jobs that were retried or forked from it stay.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('The job is deleted.'),
          ...problems(...guarded, 'notFound', 'wrongState', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      const { id } = await visibleJob(jobs, request.params.id, request);
      await jobs.delete(id);
      // The job is gone in any case; files that cannot be removed now are removed later.
      await reservedFiles
        .remove(id)
        .catch((err: unknown) => request.log.warn({ err }, 'files of a deleted job could not be removed now; they are removed later'));
      return reply.code(204).send();
    },
  );
  done();
};
