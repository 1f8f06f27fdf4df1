// The route that compares jobs: the metrics of all epochs, and only those parts of the specs that differ.
import { type Job, jobComparison } from '@trainyard/contracts';
import { givingWay } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { guarded, problems } from '../http/answers.ts';
import { inTurns } from '../http/inTurns.ts';
import { invalidRequest, jobIds, jobLabel } from '../http/parameters.ts';
import { jsonType, jsonWithList, sendPieces } from '../http/pieces.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';
import { specDifferences } from '../specDifferences.ts';
import type { Routes } from './routeContext.ts';

/** The largest number of jobs that one request compares. */
const mostJobs = 20;

const query = z.strictObject({
  jobs: jobIds(mostJobs).optional().describe(`The ids of 1 to ${mostJobs} jobs, separated by commas. Required without \`label\`.`),
  label: jobLabel.describe(`In place of \`jobs\`: the newest ${mostJobs} jobs with this label, as \`key:value\`.`),
});

export const compareRoute: Routes = (app, { services: { jobs, eventLog, historyTurns } }, done) => {
  const found = async ({ jobs: wanted, label }: z.output<typeof query>, request: FastifyRequest): Promise<readonly Job[]> => {
    const owner = visibleOwner(request);
    if ((wanted === undefined) === (label === undefined)) {
      throw invalidRequest([{ path: '?jobs', code: 'invalidValue', message: 'needs either jobs or label, and not both' }]);
    }
    if (wanted === undefined) return (await jobs.list({ label, owner, limit: mostJobs })).data;
    const several = await jobs.several(wanted, owner);
    const missing = several.indexOf(null);
    if (missing >= 0) throw new ProblemError('notFound', `There is no job ${wanted[missing]}, or it belongs to another key.`);
    if (several.length < wanted.length) {
      const message = `the specs of these jobs are too long to be compared together: compare at most ${several.length} of them at a time`;
      throw invalidRequest([{ path: '?jobs', code: 'tooBig', message }]);
    }
    return several.filter((job) => job !== null);
  };

  async function* comparison(compared: readonly Job[], caller: string): AsyncGenerator<string, void, void> {
    const differences = await specDifferences(
      compared.map(({ spec }) => spec),
      givingWay(),
    );
    yield '{"jobs":[';
    for (const [at, { id, name, status }] of compared.entries()) {
      if (at > 0) yield ',';
      const pages = inTurns(eventLog.epochPages(id), historyTurns, caller);
      yield* jsonWithList({ id, name, status, differences: differences[at] }, 'metrics', pages);
    }
    yield ']}';
  }

  app.get(
    '/compare',
    {
      schema: {
        operationId: 'compareJobs',
        summary: 'The metrics of several jobs, and where their specs differ',
        description:
          '`differences` has the same JSON pointers for every job: those where the specs are not all equal. Names and labels are not compared. Lists of different lengths, such as the layers of two networks, differ as a whole. With `label`, a response ends early after about 2 MiB of specs.',
        tags: ['jobs'],
        querystring: query,
        response: {
          200: { description: 'The jobs, in the order of the request.', content: { 'application/json': { schema: jobComparison } } },
          ...problems(...guarded, 'notFound', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const compared = await found(request.query, request);
      await sendPieces(reply, jsonType, comparison(compared, callerOf(request).name));
      return reply;
    },
  );
  done();
};
