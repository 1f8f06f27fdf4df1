// Jobs made of other jobs: a retry is the same job again, a fork one with changed fields; both go on from the last checkpoint.
import { type Job, jobSchema, newWebhook } from '@trainyard/contracts';
import { weightMismatches, weightShapes } from '@trainyard/engine/formats';
import { checkSpec, type JobSpec, newJobSchema, openSpec, SpecError } from '@trainyard/engine/spec';
import { limitsWithin } from '@trainyard/jobs';
import { z } from 'zod';
import { uploadsFor } from '../datasets/specDatasets.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { checkJobBody } from '../http/jobBody.ts';
import { jobParams, parseBody, validatorOfAllButBody } from '../http/parameters.ts';
import { callerOf } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

/** A field to be changed or, with null, left out, if a job can be without it; it is not filled in. */
function change(field: z.ZodType): z.ZodType {
  const given = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field;
  return field.safeParse(undefined).success ? given.nullish() : given.optional();
}

const forkChanges = z
  .strictObject({
    ...Object.fromEntries(Object.entries(newJobSchema.shape).map(([name, field]) => [name, change(field)])),
    webhook: newWebhook.nullish(),
    initialWeights: z.null().optional().describe('A fork begins with the weights of the checkpoint.'),
  })
  .meta({
    id: 'ForkChanges',
    description:
      'What is to be other than in the job that is forked. A field of the spec that is given replaces the whole field, null leaves out one that is optional, and what is not given stays, the webhook with its secret too.',
    examples: [{}, { name: 'slower', epochs: 40, optimizer: { type: 'sgd', learningRate: 0.001 }, scheduler: null }],
  });

const anyFields = z.record(z.string(), z.unknown());

const errors = [...guarded, 'notFound', 'wrongState', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'] as const;
const specErrors = ['invalidSpec', 'invalidRequest', 'idempotencyKeyReused', 'quotaExceeded', 'storageQuotaExceeded'] as const;

const noOtherWeights = {
  path: '/initialWeights',
  message: 'a fork begins with the weights of the checkpoint: leave this out, or make a new job',
  code: 'invalidValue',
};

/** The spec of a job with top-level fields replaced. What is no field stays, for the check to name it. */
function changed(spec: JobSpec, changes: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    Object.entries({ ...openSpec(spec), ...changes }).filter(([name, value]) => value !== null || !Object.hasOwn(forkChanges.shape, name)),
  );
}

/** @throws SpecError when a checkpoint of the job holds other tensors than the new spec's model has */
function checkTensors(job: Job, spec: JobSpec, isModelChanged: boolean): void {
  const mismatches = weightMismatches(weightShapes(spec), weightShapes(job.spec));
  if (mismatches.length === 0) return;
  const message = `the checkpoint of ${job.id} does not fit: ${mismatches.join('; ')}`;
  throw new SpecError([{ path: isModelChanged ? '/model' : '/data', message, code: 'weightsMismatch' }]);
}

export const successorRoutes: Routes = (app, { services, config }, done) => {
  const { jobs, successors, datasets, classLimits, keyQuotas } = services;
  const { limits, threads, webhookPolicy } = config;
  // As for a new job, the handler says more about a body than its schema can.
  app.setValidatorCompiler(validatorOfAllButBody);

  app.post(
    '/jobs/:id/retry',
    {
      schema: {
        operationId: 'retryJob',
        summary: 'Train a failed or cancelled job again',
        description:
          'Makes a new job of the same spec, seed and webhook, yours, which goes on from the last checkpoint if there is one. The old job stays as it is.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        response: {
          202: json('The new job, which names the old one in `retryOf`.', jobSchema, createdHeaders('job')),
          ...problems(...errors, ...specErrors),
        },
      },
    },
    async (request, reply) => {
      parseBody(z.strictObject({}).nullish(), request.body);
      const job = await visibleJob(jobs, request.params.id, request);
      const quotas = quotasOf(request, keyQuotas);
      const { spec } = checkSpec(job.spec, limitsWithin(limits, quotas), await uploadsFor(job.spec, datasets, request), threads);
      const idempotency = idempotencyOf(request.headers, { retryOf: job.id });
      const made = await successors.retry(job, { spec, owner: callerOf(request).name, quotas, ...idempotency });
      if (made.replayed) void reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', `/jobs/${made.job.id}`).send(made.job);
    },
  );

  app.post(
    '/jobs/:id/fork',
    {
      schema: {
        operationId: 'forkJob',
        summary: "Go on from a job's checkpoint with changed fields",
        description:
          'Makes a new job, yours, of any job that has a checkpoint. Weights, the random state and the position in the data come from there; what a changed field makes meaningless begins anew, such as the state of another optimizer. The old job goes on as it is.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        body: forkChanges,
        response: {
          202: json('The new job, which names the old one in `forkOf`.', jobSchema, createdHeaders('job')),
          ...problems(...errors, ...specErrors),
        },
      },
    },
    async (request, reply) => {
      const changes = parseBody(anyFields, request.body ?? {});
      const job = await visibleJob(jobs, request.params.id, request);
      if (changes['initialWeights'] !== undefined && changes['initialWeights'] !== null) throw new SpecError([noOtherWeights]);
      const body = changed(job.spec, changes);
      const quotas = quotasOf(request, keyQuotas);
      const uploads = await uploadsFor(body, datasets, request);
      const check = (posted: unknown): JobSpec => checkSpec(posted, limitsWithin(limits, quotas), uploads, threads).spec;
      const { checked: spec, webhook } = checkJobBody(body, webhookPolicy, check, ['webhook']);
      if ('data' in changes) await classLimits.check(spec);
      checkTensors(job, spec, 'model' in changes);
      const idempotency = idempotencyOf(request.headers, { forkOf: job.id, changes });
      const made = await successors.fork(job, {
        spec,
        owner: callerOf(request).name,
        quotas,
        ...(webhook && { webhook }),
        ...(changes['webhook'] === null && { webhook: null }),
        ...idempotency,
      });
      if (made.replayed) void reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', `/jobs/${made.job.id}`).send(made.job);
    },
  );
  done();
};
