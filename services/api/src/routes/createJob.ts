// Making a job, or asking what it would be. What a spec may say is the engine's to decide; here is only HTTP.
import { dryRunAnswer, jobSchema } from '@trainyard/contracts';
import { checkSpec, pytorchScript, type SpecLimits } from '@trainyard/engine';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { validatorOfAllButBody } from '../http/parameters.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { lenet, resnet, tutorial } from '../http/examples.ts';
import { callerOf } from '../plugins/access.ts';
import { checkJobBody, jobBody } from '../http/jobBody.ts';
import { ProblemError } from '../problems.ts';
import type { WebhookPolicy } from '../webhooks/webhookSender.ts';

const createQuery = z.strictObject({
  dryRun: z.enum(['true', 'false']).default('false').describe('`true` checks the spec and says what it would cost; nothing is queued.'),
});

const newJob = jobBody.meta({ id: 'NewJob', examples: [tutorial, lenet, resnet] });

type Options = { jobs: JobStore; limits: SpecLimits; webhooks: WebhookPolicy };

export const createJobRoute: FastifyPluginCallbackZod<Options> = (app, { jobs, limits, webhooks }, done) => {
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
      const { checked, webhook } = checkJobBody(body, webhooks, (posted) => checkSpec(posted, limits));
      const { spec, summary } = checked;
      if (request.query.dryRun === 'true') return reply.code(200).send({ ...summary, spec, trainPy: pytorchScript(spec) });
      const { job, replayed } = await jobs.create({
        spec,
        owner: callerOf(request).name,
        ...idempotencyOf(request.headers, body),
        ...(webhook === undefined ? {} : { webhook: { url: webhook.url, secret: webhook.secret ?? null } }),
      });
      request.jobId = job.id;
      if (replayed) void reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', `/jobs/${job.id}`).send(job);
    },
  );
  done();
};
