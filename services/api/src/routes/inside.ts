// The routes for the gradients and the evaluations of a job's epochs. A worker stores them during the training.
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
    .describe('An epoch, from 1. Default: the last one that is stored.'),
});

const noTestPart = ({ latest }: Job): boolean => latest !== null && latest.testLoss === null && latest.nonFinite?.testLoss === undefined;

/**
 * Returns why the job has no document of this kind for this epoch.
 * @param nearest the nearest epoch with a document of this kind; `null` if no epoch has one
 */
function reason(job: Job, kind: SnapshotKind, epoch: number | undefined, nearest: number | null): string {
  if (kind === 'evaluation' && noTestPart(job)) return 'Its dataset has no test part, so it is not evaluated.';
  if (epoch !== undefined && epoch > job.spec.epochs) return `It has only ${job.spec.epochs} epochs.`;
  if (nearest !== null) {
    const begun = job.forkOf ?? job.retryOf;
    const elsewhere = begun === null ? '' : ` Earlier epochs may be stored with ${begun}.`;
    return `The nearest epoch that has one is ${nearest}. After the first 1,000 epochs, not every epoch has one.${elsewhere}`;
  }
  if (isFinal(job.status)) return `The job is ${job.status}, and none was stored.`;
  return `The job is ${job.status}. The first is stored about a second after the first ${kind === 'gradients' ? 'step' : 'evaluation'}.`;
}

export const insideRoutes: Routes = (app, { services: { jobs, artifacts } }, done) => {
  /**
   * Returns the gradients or the evaluation of an epoch. Default: the last epoch for which they are stored.
   * @throws ProblemError 404 if they are not stored. The message says why
   */
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
        summary: "The gradients of an epoch's first step, for each parameter",
        description:
          'The gradients after the backward pass, before clipping and before the update. For small parameters, all values before and after the update are included. ' +
          'A `gradients` event lists the epochs that have gradients. After the first 1,000 epochs it is every tenth epoch, and so on.',
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
        summary: "The results of an epoch's evaluation on the test part",
        description:
          'For data with classes: the accuracy of each class, the confusion matrix, and the wrong predictions with the highest confidence. For data with values: the error of each output.',
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
