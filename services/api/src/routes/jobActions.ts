// What is done to a job: cancel, pause, resume, delete. What becomes of it is the job store's to decide; here is only HTTP.
import { type Job, jobSchema } from '@trainyard/contracts';
import type { JobStore, ReservedFiles } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams, parseBody } from '../http/parameters.ts';
import { visibleJob } from './visibleJob.ts';

/** An action that changes the job's status. */
interface Action {
  readonly name: 'cancel' | 'pause' | 'resume';
  readonly summary: string;
  readonly description: string;
  readonly outcome: string;
  readonly act: (jobs: JobStore, jobId: string) => Promise<Job>;
}

const actions: readonly Action[] = [
  {
    name: 'cancel',
    summary: 'Cancel a job',
    description: 'A queued or paused job is cancelled at once, a running one within a second. Cancelling it again changes nothing.',
    outcome: 'The job, which is cancelled or about to be.',
    act: (jobs, jobId) => jobs.requestCancel(jobId),
  },
  {
    name: 'pause',
    summary: 'Pause a job',
    description:
      'A queued job is paused at once, a running one after the step in hand, with a checkpoint. It then takes no worker until it is resumed. Pausing it again changes nothing.',
    outcome: 'The job, which is paused or about to be.',
    act: (jobs, jobId) => jobs.requestPause(jobId),
  },
  {
    name: 'resume',
    summary: 'Resume a paused job',
    description: 'It is queued again and goes on where it was, bit for bit. Resuming it again changes nothing while it waits for a worker.',
    outcome: 'The job, which now waits for a worker.',
    act: (jobs, jobId) => jobs.resume(jobId),
  },
];

export const jobActionRoutes: FastifyPluginCallbackZod<{ jobs: JobStore; reservedFiles: ReservedFiles }> = (
  app,
  { jobs, reservedFiles },
  done,
) => {
  for (const { name, summary, description, outcome, act } of actions) {
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
            202: json(outcome, jobSchema),
            ...problems(...guarded, 'notFound', 'wrongState', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'),
          },
        },
      },
      async (request, reply) => {
        // Not in the route's schema: the document would then ask for a body, and none is needed.
        parseBody(z.strictObject({}).nullish(), request.body);
        const { id } = await visibleJob(jobs, request.params.id, request);
        return reply.code(202).send(await act(jobs, id));
      },
    );
  }

  app.delete(
    '/jobs/:id',
    {
      schema: {
        operationId: 'deleteJob',
        summary: 'Delete a finished job',
        description: 'With its events and its files. Jobs that were retried or forked from it stay.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('It is gone.'),
          ...problems(...guarded, 'notFound', 'wrongState', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      const { id } = await visibleJob(jobs, request.params.id, request);
      await jobs.delete(id);
      // The job is gone in any case; files that cannot be removed now are removed later.
      await reservedFiles.remove(id).catch((err: unknown) => request.log.warn({ err }, 'files of a deleted job are still there'));
      return reply.code(204).send();
    },
  );
  done();
};
