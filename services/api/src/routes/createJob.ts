// The route that creates a job or, with `dryRun`, only checks its spec. The engine checks the spec. This file only handles HTTP.
import { setImmediate as breathe } from 'node:timers/promises';
import { dryRunAnswer, type Job, jobSchema } from '@trainyard/contracts';
import { pytorchScript } from '@trainyard/engine/formats';
import { checkSpec } from '@trainyard/engine/spec';
import { createWith, dataDigestOf, initialWeightsOf, limitsWithin, reuseKeyOf } from '@trainyard/jobs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uploadsFor } from '../datasets/specDatasets.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { validatorOfAllButBody } from '../http/parameters.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { lenet, resnet, tutorial } from '../http/examples.ts';
import { checkJobBody, jobBody } from '../http/jobBody.ts';
import { specLimits } from '../http/jsonScan.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';

const createQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .describe('With `true`, the spec is checked and its cost is returned, and no job is created.'),
});

const newJobBody = jobBody.meta({ id: 'NewJob', examples: [tutorial, lenet, resnet] });

export const createJobRoute: Routes = (app, { services, config }, done) => {
  const { jobs, datasets, classLimits, datasetDigests, keyQuotas } = services;
  const { limits, threads, webhookPolicy } = config;
  // The handler checks the body with the engine, which finds more than the schema can: shapes that do not fit, and a cost over a limit.
  app.setValidatorCompiler(validatorOfAllButBody);

  app.post(
    '/jobs',
    {
      config: { jsonLimits: specLimits },
      schema: {
        operationId: 'createJob',
        summary: 'Train a network',
        tags: ['jobs'],
        querystring: createQuery,
        headers: idempotencyHeaders,
        body: newJobBody,
        response: {
          200: json('With `dryRun=true`: the spec with its defaults, and the cost of the job. No job is created.', dryRunAnswer),
          202: json('The job, which now waits for a worker. With `reuse` it may be an earlier job that has succeeded.', jobSchema, {
            ...createdHeaders('job'),
            'Job-Reused': { type: 'string', description: '`true` if the response is an earlier job, because of `reuse`.' },
          }),
          ...problems(
            ...guarded,
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
            'notReady',
            'invalidSpec',
            'invalidRequest',
            'idempotencyKeyReused',
            'quotaExceeded',
            'storageQuotaExceeded',
          ),
        },
      },
    },
    async (request, reply) => {
      const body: unknown = request.body;
      if (body === undefined) throw new ProblemError('malformedJson', 'The body is empty. Send a job spec as JSON.');
      const owner = callerOf(request).name;
      const { idempotency } = idempotencyOf(request.headers, body);
      const isDryRun = request.query.dryRun === 'true';
      const earlier = idempotency === undefined || isDryRun ? null : await jobs.replay(owner, idempotency);
      if (earlier !== null) return accepted(request, reply, earlier, { 'idempotency-replayed': 'true' });
      const uploads = await uploadsFor(body, datasets, request);
      const quotas = quotasOf(request, keyQuotas);
      const within = limitsWithin(limits, quotas);
      const { checked, webhook, reuse } = checkJobBody(body, webhookPolicy, (posted) => checkSpec(posted, within, uploads, threads));
      const { spec, summary } = checked;
      await classLimits.check(spec);
      const weights = await initialWeightsOf(spec, visibleOwner(request), services);
      if (isDryRun) {
        // Pauses so that the event loop can handle other requests: checking a large network takes a while, and so does writing its script.
        await breathe();
        return reply.code(200).send({ ...summary, spec, trainPy: pytorchScript(spec) });
      }
      const dataDigest = await dataDigestOf(spec, datasetDigests).catch((err: unknown) => {
        request.log.warn({ err }, 'the files of a dataset cannot be read');
        return undefined;
      });
      const reuseKey = dataDigest === undefined ? null : reuseKeyOf(spec, weights?.digest ?? null, dataDigest);
      const reused = reuse && reuseKey !== null ? await jobs.reusable(reuseKey, visibleOwner(request)) : null;
      if (reused !== null) return accepted(request, reply, reused, { 'job-reused': 'true' });
      const newJob = {
        spec,
        ...(reuseKey !== null && { reuseKey }),
        ...(typeof dataDigest === 'string' && { dataDigest }),
        owner,
        quotas,
        ...(idempotency && { idempotency }),
        ...(webhook && { webhook }),
      };
      const { job, replayed } = await createWith(weights, services, newJob);
      return accepted(request, reply, job, replayed ? { 'idempotency-replayed': 'true' } : {});
    },
  );
  done();
};

/** Answers 202 with a job: a new job, or a job that an earlier request created. */
function accepted(request: FastifyRequest, reply: FastifyReply, job: Job, headers: Readonly<Record<string, string>>): FastifyReply {
  request.jobId = job.id;
  return reply
    .code(202)
    .headers({ location: `/jobs/${job.id}`, ...headers })
    .send(job);
}
