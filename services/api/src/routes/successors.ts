// The routes that create a job from another one. A retry has the same spec, a fork has changed fields. Both continue from the last
// checkpoint.
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

/** Returns the schema of a field that a fork may change, without its default. For a field that is optional in a spec, null removes it. */
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
      'The fields that differ from the forked job. A field replaces the whole field of the spec, and null removes an optional field. Other fields are kept, also the webhook with its secret.',
    examples: [{}, { name: 'slower', epochs: 40, optimizer: { type: 'sgd', learningRate: 0.001 }, scheduler: null }],
  });

const anyFields = z.record(z.string(), z.unknown());

const errors = [...guarded, 'notFound', 'wrongState', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'] as const;
const specErrors = ['invalidSpec', 'invalidRequest', 'idempotencyKeyReused', 'quotaExceeded', 'storageQuotaExceeded'] as const;

const noOtherWeights = {
  path: '/initialWeights',
  message: 'a fork begins with the weights of the checkpoint: omit this field, or create a new job',
  code: 'invalidValue',
};

/**
 * Returns the spec of a job with replaced top-level fields. Unknown fields are kept, so that the check of the spec reports them. With other
 * data, a preset gets the layers for that data.
 */
function changed(spec: JobSpec, changes: Readonly<Record<string, unknown>>): object {
  const { preset } = spec.model;
  const model = preset !== undefined && 'data' in changes ? { preset } : spec.model;
  return Object.fromEntries(
    Object.entries({ ...openSpec(spec), model, ...changes }).filter(
      ([name, value]) => value !== null || !Object.hasOwn(forkChanges.shape, name),
    ),
  );
}

/** Checks that a checkpoint of the job has the tensors of the new spec's model. @throws SpecError if they differ */
function checkTensors(job: Job, spec: JobSpec, isModelChanged: boolean): void {
  const mismatches = weightMismatches(weightShapes(spec), weightShapes(job.spec));
  if (mismatches.length === 0) return;
  const message = `the checkpoint of ${job.id} does not fit: ${mismatches.join('; ')}`;
  throw new SpecError([{ path: isModelChanged ? '/model' : '/data', message, code: 'weightsMismatch' }]);
}

export const successorRoutes: Routes = (app, { services, config }, done) => {
  const { jobs, successors, datasets, classLimits, keyQuotas } = services;
  const { limits, threads, webhookPolicy } = config;
  // The handler checks the body with the engine, as for a new job.
  app.setValidatorCompiler(validatorOfAllButBody);

  app.post(
    '/jobs/:id/retry',
    {
      schema: {
        operationId: 'retryJob',
        summary: 'Train a failed or cancelled job again',
        description:
          'Creates a new job with the same spec, seed and webhook. You own the new job. It continues from the last checkpoint, if there is one. The old job is not changed.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        response: {
          202: json('The new job. Its field `retryOf` is the id of the old job.', jobSchema, createdHeaders('job')),
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
        summary: "Continue from a job's checkpoint with changed fields",
        description:
          'Creates a new job from a job that has a checkpoint. You own the new job. It takes the weights, the random state and the position in the data from the checkpoint. State that a changed field makes invalid, such as the state of another optimizer, begins anew. The old job continues unchanged.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        body: forkChanges,
        response: {
          202: json('The new job. Its field `forkOf` is the id of the old job.', jobSchema, createdHeaders('job')),
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
