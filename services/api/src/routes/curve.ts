// The route that draws the curve of a job as a picture, also together with the curves of other jobs.
import { epochMetrics, type EpochMetrics, type Job } from '@trainyard/contracts';
import { z } from 'zod';
import { type Curve, CurvePoints, curveSvg, jobColours } from '../files/curveSvg.ts';
import { guarded, problems } from '../http/answers.ts';
import { inTurns } from '../http/inTurns.ts';
import { jobIds, jobParams } from '../http/parameters.ts';
import { callerOf } from '../plugins/access.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

/** The metrics that can be drawn: all fields of an epoch's metrics that are numbers, except its number. */
const metricNames = Object.keys(epochMetrics.omit({ epoch: true, nonFinite: true }).shape) as readonly Metric[];
type Metric = Exclude<keyof EpochMetrics, 'epoch' | 'nonFinite'>;

const query = z.strictObject({
  metric: z.enum(metricNames).optional().describe('The metric to draw. Default: `trainLoss`, and `testLoss` as a dashed line.'),
  with: jobIds(jobColours.length - 1)
    .optional()
    .describe('The ids of jobs whose curves are drawn in the same picture, separated by commas.'),
});

/** A metric of a job, with its line in the picture. */
interface Drawn {
  readonly metric: Metric;
  readonly points: CurvePoints;
}

const nameOf = ({ name, id }: Job): string => name ?? id;

export const curveRoute: Routes = (app, { services: { jobs, eventLog, historyTurns } }, done) => {
  const read = async ({ id }: Job, drawn: readonly Drawn[], caller: string): Promise<void> => {
    for await (const page of inTurns(eventLog.epochPages(id), historyTurns, caller)) {
      for (const epoch of page) for (const { metric, points } of drawn) points.add([epoch.epoch, epoch[metric] ?? null]);
    }
  };

  app.get(
    '/jobs/:id/curve',
    {
      schema: {
        operationId: 'getCurve',
        summary: 'A picture of the metrics over the epochs',
        description:
          'One line for each job. A long run is drawn with fewer points, but its highest and lowest values stay. A line has a gap where a value is not finite.',
        tags: ['jobs'],
        params: jobParams,
        querystring: query,
        response: {
          200: { description: 'The picture, 720 pixels wide.', content: { 'image/svg+xml': { schema: z.string() } } },
          ...problems(...guarded, 'notFound', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const { metric, with: others = [] } = request.query;
      const shown = [await visibleJob(jobs, request.params.id, request)];
      for (const id of others) shown.push(await visibleJob(jobs, id, request));
      request.jobId = shown[0]?.id;
      const metrics: readonly Metric[] = metric === undefined ? ['trainLoss', 'testLoss'] : [metric];
      const curves: Curve[] = [];
      for (const [job, each] of shown.entries()) {
        const drawn = metrics.map((name) => ({ metric: name, points: new CurvePoints() }));
        await read(each, drawn, callerOf(request).name);
        for (const { metric: name, points } of drawn) {
          const isEmpty = points.points.every(([, value]) => value === null);
          if (name === 'testLoss' && metric === undefined && isEmpty) continue;
          const label = `${shown.length > 1 ? `${nameOf(each)}: ` : ''}${name}`;
          curves.push({ label, job, isDashed: name === 'testLoss' && metric === undefined, points: points.points });
        }
      }
      const title = shown.map(nameOf).join(', ');
      return await reply.type('image/svg+xml; charset=utf-8').send(curveSvg(title, metric ?? 'loss', curves));
    },
  );
  done();
};
