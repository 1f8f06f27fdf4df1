// Sweeps over HTTP. Every job of a sweep is checked before the first one is created. The sweep runner creates the jobs and ranks them.
import { newSweep, sweepDetail, sweepId, sweepPage, type SweepSpace } from '@trainyard/contracts';
import type { UploadedDatasets } from '@trainyard/engine/data';
import { goalOf, type JobSpec } from '@trainyard/engine/spec';
import {
  currentTraceparent,
  type DatasetStore,
  initialWeightsOf,
  isRedisUnavailable,
  limitsWithin,
  type RankedTrial,
  type SweepRecord,
  sweepSummary,
} from '@trainyard/jobs';
import { uploadsFor } from '../datasets/specDatasets.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FairSemaphore } from '../fairSemaphore.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { clientLeft } from '../http/clientLeft.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { sweepExample } from '../http/examples.ts';
import { pageLimit, parseBody, unnamed } from '../http/parameters.ts';
import { jsonType, jsonWithList, sendPieces } from '../http/pieces.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { nothingThere } from '../problems.ts';
import { planSweep } from '../sweeps/planSweep.ts';
import type { Routes } from './routeContext.ts';

const params = z.object({ id: z.string().describe('The id of a sweep.') });
const listQuery = z.strictObject({
  limit: pageLimit(100).default(20),
  after: unnamed(sweepId).optional().describe('The `nextCursor` of the page before.'),
});
const withBody = ['malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'] as const;

/** How many sweeps are planned at the same time, in total and per key, and how many requests wait for that, per key and in total. */
const planning = { places: 2, placesPerKey: 1, waitingPerKey: 8, waiting: 64 };

/** How many trials of a response are read and sent at a time. */
const trialsPage = 20;

/** Returns the uploaded datasets that a sweep uses: the dataset in its spec, and the datasets among the choices in its space. */
async function uploadsOf(
  spec: Readonly<Record<string, unknown>>,
  space: SweepSpace,
  datasets: DatasetStore,
  request: FastifyRequest,
): Promise<UploadedDatasets> {
  const choices = space['/data/dataset']?.type === 'choice' ? space['/data/dataset'].values : [];
  const found = new Map(await uploadsFor(spec, datasets, request));
  for (const dataset of new Set(choices)) {
    for (const [id, content] of await uploadsFor({ data: { dataset } }, datasets, request)) found.set(id, content);
  }
  return found;
}

export const sweepRoutes: Routes = (app, { services, config }, done) => {
  const { sweeps, sweepRunner, datasets, classLimits, keyQuotas } = services;
  const { limits, threads, sweepBytesLimit: bytesLimit } = config;
  const plans = new FairSemaphore(planning);

  const visibleSweep = async (id: string, request: FastifyRequest): Promise<SweepRecord> => {
    const record = sweepId.safeParse(id).success ? await sweeps.get(id, visibleOwner(request)) : null;
    if (record === null) throw nothingThere(request);
    return record;
  };

  /** Yields the ranked trials with their values, page by page. */
  async function* trialPages(id: string, ranking: readonly RankedTrial[]): AsyncGenerator<readonly unknown[], void, void> {
    for (let from = 0; from < ranking.length; from += trialsPage) {
      const page = ranking.slice(from, from + trialsPage);
      const values = await sweeps.values(
        id,
        page.map(({ index }) => index),
      );
      yield page.map(({ shown }, at) => ({ ...shown, values: values[at] ?? {} }));
    }
  }

  /** Sends a sweep with its ranked trials. */
  const sendSweep = async (reply: FastifyReply, record: SweepRecord): Promise<void> => {
    const [ranking, spec] = await Promise.all([sweepRunner.ranking(record), sweeps.spec(record.id)]);
    const planned = record.rungs.reduce((count, rung) => count + rung.length, 0);
    const head = { ...sweepSummary(record, spec), planned };
    await sendPieces(reply, jsonType, jsonWithList(head, 'trials', trialPages(record.id, ranking)));
  };

  /** Answers 202 with a sweep. @param replayed whether an earlier request has created the sweep */
  const accepted = async (reply: FastifyReply, record: SweepRecord, replayed: boolean): Promise<void> => {
    if (replayed) void reply.header('idempotency-replayed', 'true');
    await sendSweep(reply.code(202).header('location', `/sweeps/${record.id}`), record);
  };

  app.post(
    '/sweeps',
    {
      schema: {
        operationId: 'createSweep',
        summary: 'Train many jobs of one spec and rank them',
        description:
          'Tries a grid of all combinations, random draws, or successive halving, which trains many jobs for a few epochs and continues the best ones. Nothing is queued unless every job could be trained. ' +
          'The specs and values of all jobs together may have 16 MiB, unless the operator sets another limit.',
        tags: ['sweeps'],
        querystring: z.strictObject({}),
        headers: idempotencyHeaders,
        body: newSweep.meta({ id: 'NewSweep', examples: [sweepExample] }),
        response: {
          202: json('The sweep, whose jobs wait for workers.', sweepDetail, createdHeaders('sweep')),
          ...problems(...guarded, ...withBody, 'invalidSpec', 'idempotencyKeyReused', 'quotaExceeded', 'storageQuotaExceeded'),
        },
      },
    },
    async (request, reply) => {
      const { name, labels, spec: body, space, strategy, metric, goal, seed: given } = request.body;
      const owner = callerOf(request).name;
      // A caller's jobs and sweeps share idempotency keys. The field `sweep` distinguishes this request from a request for a job.
      const { idempotency } = idempotencyOf(request.headers, { sweep: request.body });
      const earlier = idempotency === undefined ? null : await sweeps.replay(owner, idempotency);
      if (earlier !== null) {
        await accepted(reply, earlier, true);
        return reply;
      }
      const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
      const uploads = await uploadsOf(body, space, datasets, request);
      const quotas = quotasOf(request, keyQuotas);
      const checkWeights = async (checked: JobSpec) => await initialWeightsOf(checked, visibleOwner(request), services);
      const signal = clientLeft(reply);
      const context = { limits: limitsWithin(limits, quotas), bytesLimit, classLimits, threads, uploads, checkWeights, signal };
      const release = await plans.acquire(owner, signal);
      const { spec, trials } = await planSweep(request.body, seed, context).finally(release);
      const traceparent = currentTraceparent();
      const plan = {
        owner,
        name: name ?? null,
        labels: labels ?? {},
        spec,
        space,
        strategy,
        metric,
        goal: goal ?? goalOf(metric),
        seed,
        ...(traceparent !== undefined && { traceparent }),
        trials,
      };
      const { id, replayed } = await sweeps.create(plan, { quotas, ...(idempotency && { idempotency }) });
      // If Redis is unavailable now, the stored sweep is advanced later.
      await sweepRunner.advance(id).catch((error: unknown) => {
        if (!isRedisUnavailable(error)) throw error;
      });
      await accepted(reply, await visibleSweep(id, request), replayed);
      return reply;
    },
  );

  app.get(
    '/sweeps',
    {
      schema: {
        operationId: 'listSweeps',
        summary: 'Your sweeps, newest first',
        tags: ['sweeps'],
        querystring: listQuery,
        response: { 200: json('A page of sweeps, without their jobs.', sweepPage), ...problems(...guarded, 'invalidRequest') },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const owner = visibleOwner(request);
      return await sweeps.list({ limit, ...(after === undefined ? {} : { after }), ...(owner === undefined ? {} : { owner }) });
    },
  );

  app.get(
    '/sweeps/:id',
    {
      schema: {
        operationId: 'getSweep',
        summary: 'A sweep and its jobs as they are now, ranked',
        tags: ['sweeps'],
        params,
        querystring: z.strictObject({}),
        response: { 200: json('The sweep.', sweepDetail), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request, reply) => {
      await sendSweep(reply, await visibleSweep(request.params.id, request));
      return reply;
    },
  );

  app.post(
    '/sweeps/:id/cancel',
    {
      schema: {
        operationId: 'cancelSweep',
        summary: 'Cancel a sweep with all of its jobs',
        description: 'Jobs that have ended stay as they are. Cancelling it again changes nothing.',
        tags: ['sweeps'],
        params,
        querystring: z.strictObject({}),
        response: {
          202: json('The sweep, which is cancelled or will soon be.', sweepDetail),
          ...problems(...guarded, ...withBody, 'notFound', 'wrongState'),
        },
      },
    },
    async (request, reply) => {
      parseBody(z.strictObject({}).nullish(), request.body);
      const record = await visibleSweep(request.params.id, request);
      await sweepRunner.cancel(record);
      await sendSweep(reply.code(202), await visibleSweep(record.id, request));
      return reply;
    },
  );

  app.delete(
    '/sweeps/:id',
    {
      schema: {
        operationId: 'deleteSweep',
        summary: 'Delete a sweep that has ended',
        description: 'Its jobs remain. They can be deleted separately.',
        tags: ['sweeps'],
        params,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('The sweep is deleted.'),
          ...problems(...guarded, 'notFound', 'wrongState', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      await sweepRunner.delete(await visibleSweep(request.params.id, request));
      return reply.code(204).send();
    },
  );
  done();
};
