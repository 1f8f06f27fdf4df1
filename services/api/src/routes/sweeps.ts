// Sweeps over HTTP: every job that a sweep would make is checked before the first is made. What becomes of a sweep is the runner's.
import { newSweep, sweepDetail, sweepId, sweepPage, type SweepSpace } from '@trainyard/contracts';
import { checkSpec, type JobSpec, type Problem, SpecError, type SpecLimits, type UploadedDatasets } from '@trainyard/engine';
import {
  currentTraceparent,
  type DatasetStore,
  initialWeightsOf,
  isRedisUnavailable,
  type KeyQuotas,
  limitsWithin,
  placeInSpace,
  planTrials,
  type SweepRecord,
  type SweepRunner,
  type SweepStore,
  type TrialValues,
  type WeightSources,
  withValues,
} from '@trainyard/jobs';
import type { ClassLimits } from '../datasets/classLimits.ts';
import { uploadsFor } from '../datasets/specDatasets.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { setImmediate as breathe } from 'node:timers/promises';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { createdHeaders, idempotencyHeaders, idempotencyOf } from '../http/creation.ts';
import { sweepExample } from '../http/examples.ts';
import { pageLimit, parseBody, unnamed } from '../http/parameters.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { nothingThere } from '../problems.ts';

const params = z.object({ id: z.string().describe('The id of a sweep.') });
const listQuery = z.strictObject({
  limit: pageLimit(100).default(20),
  after: unnamed(sweepId).optional().describe('The `nextCursor` of the page before.'),
});
const withBody = ['malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'] as const;

/** Problems that are told at most. */
const mostProblems = 100;

interface Services extends WeightSources {
  readonly sweeps: SweepStore;
  readonly runner: SweepRunner;
  readonly datasets: DatasetStore;
  readonly classLimits: ClassLimits;
  readonly limits: SpecLimits;
  readonly keyQuotas: KeyQuotas;
  /** Threads of a job that names none. */
  readonly threads: number;
}

/** What a spec is checked against. */
interface CheckContext extends Pick<Services, 'classLimits' | 'limits' | 'threads'> {
  readonly uploads: UploadedDatasets;
  /** @throws SpecError when the weights that a spec names cannot be used or do not fit */
  readonly checkWeights: (spec: JobSpec) => Promise<unknown>;
}

/** The problems of a spec, at the places of the sweep's body that they come from. */
function placed(problem: Problem, places: readonly string[], values: TrialValues): Problem {
  const place = places.find((candidate) => problem.path === candidate || problem.path.startsWith(`${candidate}/`));
  if (place !== undefined)
    return { ...problem, path: placeInSpace(place), message: `${JSON.stringify(values[place])}: ${problem.message}` };
  const chosen = places.length === 0 ? '' : ` (with ${JSON.stringify(values)})`;
  return { ...problem, path: `/spec${problem.path}`, message: `${problem.message}${chosen}` };
}

/** @throws SpecError with the problems where they come from */
async function check(body: Readonly<Record<string, unknown>>, values: TrialValues, context: CheckContext): Promise<JobSpec> {
  try {
    const posted = withValues(body, values);
    const { spec } = checkSpec(posted, context.limits, context.uploads, context.threads);
    await context.classLimits.check(spec);
    await context.checkWeights(spec);
    return spec;
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const isPlaced = error.issues.every(({ path }) => path.startsWith('/space'));
    throw isPlaced ? error : new SpecError(error.issues.map((issue) => placed(issue, Object.keys(values), values)));
  }
}

/** The uploaded datasets that the spec or a choice for its dataset names. */
async function uploadsOf(
  spec: Readonly<Record<string, unknown>>,
  space: SweepSpace,
  datasets: DatasetStore,
  request: FastifyRequest,
): Promise<UploadedDatasets> {
  const named = space['/data/dataset']?.type === 'choice' ? space['/data/dataset'].values : [];
  const specs = [spec, ...named.map((dataset) => ({ data: { dataset } }))];
  const found = await Promise.all(specs.map(async (each) => [...(await uploadsFor(each, datasets, request))]));
  return new Map(found.flat());
}

/** Every job of the sweep, checked. @throws SpecError */
async function checkAll(spec: JobSpec, body: Readonly<Record<string, unknown>>, trials: readonly TrialValues[], context: CheckContext) {
  const problems = new Map<string, Problem>();
  const checked: { values: TrialValues; spec: JobSpec }[] = [];
  for (const [index, values] of trials.entries()) {
    // Hundreds of big specs take a while, and others want to be answered.
    if (index % 20 === 19) await breathe();
    try {
      checked.push({ values, spec: await check({ seed: spec.seed, ...body }, values, context) });
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      for (const issue of error.issues) problems.set(`${issue.path} ${issue.message}`, issue);
      if (problems.size >= mostProblems) break;
    }
  }
  if (problems.size > 0) throw new SpecError([...problems.values()].slice(0, mostProblems));
  return checked;
}

export const sweepRoutes: FastifyPluginCallbackZod<Services> = (
  app,
  { sweeps, runner, datasets, classLimits, limits, keyQuotas, threads, ...sources },
  done,
) => {
  const visibleSweep = async (id: string, request: FastifyRequest): Promise<SweepRecord> => {
    const record = sweepId.safeParse(id).success ? await sweeps.get(id, visibleOwner(request)) : null;
    if (record === null) throw nothingThere(request.url);
    return record;
  };

  /** The 202 of a sweep, new or not. */
  const accepted = async (reply: FastifyReply, record: SweepRecord, replayed: boolean): Promise<FastifyReply> => {
    if (replayed) void reply.header('idempotency-replayed', 'true');
    return reply
      .code(202)
      .header('location', `/sweeps/${record.id}`)
      .send(await runner.detail(record));
  };

  app.post(
    '/sweeps',
    {
      schema: {
        operationId: 'createSweep',
        summary: 'Train many jobs of one spec and rank them',
        description:
          'A grid of all combinations, random draws, or successive halving: many jobs for a few epochs, of which the best go on. Nothing is queued unless every job could be trained.',
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
      const { name, labels, spec: body, space, strategy, metric, goal, maxJobs, seed: given } = request.body;
      const owner = callerOf(request).name;
      // Sweeps and jobs share a caller's keys.
      const { idempotency } = idempotencyOf(request.headers, { sweep: request.body });
      const earlier = idempotency === undefined ? null : await sweeps.replay(owner, idempotency);
      if (earlier !== null) return await accepted(reply, earlier, true);
      const seed = given ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
      const planned = planTrials(space, strategy, maxJobs, seed);
      const uploads = await uploadsOf(body, space, datasets, request);
      const quotas = quotasOf(request, keyQuotas);
      const checkWeights = async (checked: JobSpec) => await initialWeightsOf(checked, visibleOwner(request), sources);
      const context = { limits: limitsWithin(limits, quotas), classLimits, threads, uploads, checkWeights };
      const spec = await check(body, {}, context);
      const trials = await checkAll(spec, body, planned, context);
      const traceparent = currentTraceparent();
      const plan = {
        owner,
        name: name ?? null,
        labels: labels ?? {},
        spec,
        space,
        strategy,
        metric,
        goal: goal ?? (metric === 'testAccuracy' ? 'maximize' : 'minimize'),
        seed,
        ...(traceparent !== undefined && { traceparent }),
        trials,
      };
      const { id, replayed } = await sweeps.create(plan, { quotas, ...(idempotency && { idempotency }) });
      // Recorded, it is brought forward anyhow.
      await runner.advance(id).catch((error: unknown) => {
        if (!isRedisUnavailable(error)) throw error;
      });
      return await accepted(reply, await visibleSweep(id, request), replayed);
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
    async (request) => await runner.detail(await visibleSweep(request.params.id, request)),
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
          202: json('The sweep, which is cancelled or about to be.', sweepDetail),
          ...problems(...guarded, ...withBody, 'notFound', 'wrongState'),
        },
      },
    },
    async (request, reply) => {
      parseBody(z.strictObject({}).nullish(), request.body);
      const record = await visibleSweep(request.params.id, request);
      await runner.cancel(record);
      return reply.code(202).send(await runner.detail(await visibleSweep(record.id, request)));
    },
  );
  done();
};
