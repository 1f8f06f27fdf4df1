// The routes that train a job again and compare the results, to show that the service reproduces it bit for bit.
import { type EpochMetrics, isFinal, type Job, jobSchema, jobVerification, type JobVerification } from '@trainyard/contracts';
import { checkSpec } from '@trainyard/engine/spec';
import { limitsWithin, verifyLabel } from '@trainyard/jobs';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { uploadsFor } from '../datasets/specDatasets.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { inTurns } from '../http/inTurns.ts';
import { jobParams, parseBody } from '../http/parameters.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

/** The longest name of a job. */
const longestName = 200;

const nameOf = ({ name, id }: Job): string => `verification of ${name ?? id}`.slice(0, longestName);

/** Returns the metrics of an epoch that do not depend on the machine. */
function withoutTimes({
  seconds: _seconds,
  samplesPerSecond: _speed,
  ...metrics
}: EpochMetrics): Omit<EpochMetrics, 'seconds' | 'samplesPerSecond'> {
  return metrics;
}

async function* eachOf(pages: AsyncIterable<readonly EpochMetrics[]>): AsyncGenerator<EpochMetrics, void, void> {
  for await (const page of pages) yield* page;
}

/** Returns the first epoch whose metrics differ, of the epochs that both jobs have; null if there is none. */
async function firstDifference(
  first: AsyncIterable<readonly EpochMetrics[]>,
  second: AsyncIterable<readonly EpochMetrics[]>,
): Promise<number | null> {
  const others = eachOf(second);
  for await (const epoch of eachOf(first)) {
    const { value: other } = await others.next();
    if (other === undefined) return null;
    if (!isDeepStrictEqual(withoutTimes(epoch), withoutTimes(other))) return epoch.epoch;
  }
  return null;
}

export const verifyRoutes: Routes = (app, { services, config }, done) => {
  const { jobs, eventLog, historyTurns, successors, datasets, keyQuotas } = services;

  /** Returns the newest job that verifies a job; null if there is none. */
  const newestCheck = async (job: Job, owner: string | undefined): Promise<Job | null> =>
    (await jobs.list({ label: verifyLabel(job.id), owner, limit: 1 })).data[0] ?? null;

  app.post(
    '/jobs/:id/verify',
    {
      schema: {
        operationId: 'verifyJob',
        summary: 'Train a job again and compare the results',
        description:
          'Creates a job with the same spec and seed, without a webhook. You own the new job. `GET /jobs/{id}/verify` says whether all epochs and the weights are the same, bit for bit. If such a job of yours has not ended yet, the response is that job. Only a job that succeeded can be verified, and none that began with the checkpoint of another job.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        response: {
          202: json('The new job. Its field `verifies` is the id of the verified job.', jobSchema, createdHeaders('job')),
          ...problems(
            ...guarded,
            'notFound',
            'wrongState',
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
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
      // The body is not in the route's schema, because the OpenAPI document would then require one.
      parseBody(z.strictObject({}).nullish(), request.body);
      const job = await visibleJob(jobs, request.params.id, request);
      const owner = callerOf(request).name;
      const check = await newestCheck(job, owner);
      if (check !== null && !isFinal(check.status)) return reply.code(202).header('location', `/jobs/${check.id}`).send(check);
      const quotas = quotasOf(request, keyQuotas);
      const { labels: _labels, ...sameSpec } = job.spec;
      const uploads = await uploadsFor(sameSpec, datasets, request);
      const { spec } = checkSpec({ ...sameSpec, name: nameOf(job) }, limitsWithin(config.limits, quotas), uploads, config.threads);
      const idempotency = idempotencyOf(request.headers, { verifies: job.id });
      const made = await successors.verify(job, { spec, owner, quotas, ...idempotency });
      if (made.replayed) void reply.header('idempotency-replayed', 'true');
      return reply.code(202).header('location', `/jobs/${made.job.id}`).send(made.job);
    },
  );

  app.get(
    '/jobs/:id/verify',
    {
      schema: {
        operationId: 'getVerification',
        summary: 'Whether a job was reproduced',
        description: 'Compares the job with the newest job that trained it again: the metrics of each epoch, and the weights.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: { 200: json('The comparison.', jobVerification), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request): Promise<JobVerification> => {
      const job = await visibleJob(jobs, request.params.id, request);
      const check = await newestCheck(job, visibleOwner(request));
      if (check === null)
        throw new ProblemError('notFound', `${job.id} has not been verified. POST /jobs/${job.id}/verify trains it again.`);
      const pages = (id: string) => inTurns(eventLog.epochPages(id), historyTurns, callerOf(request).name);
      const firstDifferentEpoch = await firstDifference(pages(job.id), pages(check.id));
      return { job: check.id, status: check.status, reproduced: isReproduced(job, check, firstDifferentEpoch), firstDifferentEpoch };
    },
  );
  done();
};

/** Returns whether a job has the same result as the job that verifies it; null if this is not known. */
function isReproduced(job: Job, check: Job, firstDifferentEpoch: number | null): boolean | null {
  if (firstDifferentEpoch !== null) return false;
  if (check.status !== 'succeeded' || job.result === null) return null;
  return check.result?.weightsSha256 === job.result.weightsSha256 && check.progress.epoch === job.progress.epoch;
}
