// What a run looked like from inside, epoch by epoch: its gradients and its evaluations, as a worker stored them.
import { isFinal, type Job, jobEvaluation, jobGradients } from '@trainyard/contracts';
import { readSnapshot, type SnapshotKind } from '@trainyard/jobs';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

const query = z.strictObject({
  epoch: z
    .preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), z.int().min(1))
    .optional()
    .describe('An epoch, from 1 on; left out, the last one that there is.'),
});

const noTestPart = ({ latest }: Job): boolean => latest !== null && latest.testLoss === null && latest.nonFinite?.testLoss === undefined;

/** Why there is no such document. */
function reason(job: Job, kind: SnapshotKind, epoch: number | undefined, nearest: number | null): string {
  if (kind === 'evaluation' && noTestPart(job)) return 'Its data has no test part to evaluate on.';
  if (epoch !== undefined && epoch > job.spec.epochs) return `It has only ${job.spec.epochs} epochs.`;
  if (nearest !== null) {
    const begun = job.forkOf ?? job.retryOf;
    const elsewhere = begun === null ? '' : `, and what came before it began may be with ${begun}`;
    return `The nearest epoch that has one is ${nearest}: beyond the first 1,000 not every epoch is looked into${elsewhere}.`;
  }
  if (isFinal(job.status)) return `It is ${job.status} and none was stored.`;
  return `It is ${job.status}: the first comes within a second or so of the first ${kind === 'gradients' ? 'step' : 'evaluation'}.`;
}

export const insideRoutes: Routes = (app, { services: { jobs, artifacts } }, done) => {
  /** @throws ProblemError 404 */
  const read = async (job: Job, kind: SnapshotKind, epoch: number | undefined): Promise<unknown> => {
    const found = await readSnapshot(artifacts, job.id, kind, epoch);
    if (found.document !== null) return found.document;
    const which = epoch === undefined ? `${kind} yet` : `${kind} of epoch ${epoch}`;
    const { nearest } = found as { nearest: number | null };
    throw new ProblemError('notFound', `${job.id} has no ${which}. ${reason(job, kind, epoch, nearest)}`);
  };

  app.get(
    '/jobs/:id/gradients',
    {
      schema: {
        operationId: 'getGradients',
        summary: "The gradients of an epoch's first step, parameter by parameter",
        description:
          'As the backward pass left them, before clipping and before the update. Of small parameters all values are there, before and after it. ' +
          'A `gradients` event tells of each epoch; beyond the first 1,000 it is each tenth, and so on.',
        tags: ['jobs'],
        params: jobParams,
        querystring: query,
        response: { 200: json('The gradients.', jobGradients), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => {
      const job = await visibleJob(jobs, request.params.id, request);
      return (await read(job, 'gradients', request.query.epoch)) as z.infer<typeof jobGradients>;
    },
  );

  app.get(
    '/jobs/:id/evaluation',
    {
      schema: {
        operationId: 'getEvaluation',
        summary: "What an epoch's evaluation on the test part showed",
        description:
          'For data with classes: accuracy of each, which were taken for which, and the samples that the network was surest about and wrong. For data with values: the error of each output.',
        tags: ['jobs'],
        params: jobParams,
        querystring: query,
        response: { 200: json('The evaluation.', jobEvaluation), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => {
      const job = await visibleJob(jobs, request.params.id, request);
      return (await read(job, 'evaluation', request.query.epoch)) as z.infer<typeof jobEvaluation>;
    },
  );
  done();
};
