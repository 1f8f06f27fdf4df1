// Making a job, or asking what it would be. What a spec may say is the engine's to decide; here is only HTTP.
import { dryRunAnswer, jobSchema } from '@trainyard/contracts';
import { checkSpec, newJobSchema, pytorchScript, type SpecLimits } from '@trainyard/engine';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { validatorOfAllButBody } from '../http/parameters.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { lenet, resnet, tutorial } from '../http/examples.ts';
import { callerOf } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';

const createQuery = z.strictObject({
  dryRun: z.enum(['true', 'false']).default('false').describe('`true` checks the spec and says what it would cost; nothing is queued.'),
});

const newJob = newJobSchema.meta({ id: 'NewJob', examples: [tutorial, lenet, resnet] });

export const createJobRoute: FastifyPluginCallbackZod<{ jobs: JobStore; limits: SpecLimits }> = (app, { jobs, limits }, done) => {
  // The engine's own check, which the handler calls, says more than the schema can: whether shapes fit, and what it costs.
  app.setValidatorCompiler(validatorOfAllButBody);

  app.post(
    '/jobs',
    {
      schema: {
        operationId: 'createJob',
        summary: 'Train a network',
        tags: ['jobs'],
        querystring: createQuery,
        headers: idempotencyHeaders,
        body: newJob,
        response: {
          200: json('With `dryRun=true`: what the job would be. Nothing was queued.', dryRunAnswer),
          202: json('The job, which now waits for a worker.', jobSchema, createdHeaders),
          ...problems(
            ...guarded,
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
            'invalidSpec',
            'invalidRequest',
            'idempotencyKeyReused',
          ),
        },
      },
    },
    async (request, reply) => {
      const body: unknown = request.body;
      if (body === undefined) throw new ProblemError('malformedJson', 'The body is empty; it has to be a job spec as JSON.');
      const { spec, summary } = checkSpec(body, limits);
      if (request.query.dryRun === 'true') return reply.code(200).send({ ...summary, spec, trainPy: pytorchScript(spec) });
      const { job, replayed } = await jobs.create({
        spec,
        owner: callerOf(request).name,
        ...idempotencyOf(request.headers, body),
      });
      request.jobId = job.id;
      if (replayed) void reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', `/jobs/${job.id}`).send(job);
    },
  );
  done();
};
