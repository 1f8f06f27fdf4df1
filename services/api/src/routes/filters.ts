// The filters of a job's convolutions, as arrays or as a picture, also while it trains. Of the stored weights only the layer that is
// asked for is read.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { jobFilters } from '@trainyard/contracts';
import { convolutionNames, nearest } from '@trainyard/engine/spec';
import { z } from 'zod';
import { withLatestWeights, type WeightsFile, type WeightsServices } from '../files/latestWeights.ts';
import { storedTensors, tensorBytes } from '../files/storedTensors.ts';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { renderedBody } from '../predict/renderedBody.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

/** More weights than these are too many for one answer. */
const mostWeights = 1_000_000;

function unknownLayer(message: string): ProblemError {
  return new ProblemError('invalidRequest', `?layer: ${message}.`, { issues: [{ path: '?layer', message, code: 'unknownLayer' }] });
}

/** The convolution that is meant. @throws ProblemError 422 that names those there are */
function layerOf(names: readonly string[], asked: string | undefined): string {
  const [first] = names;
  if (first === undefined) throw unknownLayer('the model has no convolutions');
  if (asked === undefined) return first;
  if (names.includes(asked)) return asked;
  const guess = nearest(asked, names);
  throw unknownLayer(
    `${JSON.stringify(asked)} is no convolution of the model${guess === null ? '' : `: did you mean ${JSON.stringify(guess)}?`} (there are: ${names.join(', ')})`,
  );
}

/** Reads the weights of one layer. @throws ProblemError 422 if there are too many */
async function readWeights({ artifacts }: WeightsServices, jobId: string, { name, bytes }: WeightsFile, layer: string) {
  const file = { jobId, name, bytes };
  const found = (await storedTensors(artifacts, file)).find((tensor) => tensor.name === `${layer}.weight`);
  if (found === undefined) throw new TypeError(`${name} of ${jobId} lacks the weights of ${layer}`);
  const { shape, start, end } = found;
  const size = (end - start) / Float32Array.BYTES_PER_ELEMENT;
  if (size > mostWeights) {
    throw unknownLayer(`${layer} has ${size} weights, but a response may have at most ${mostWeights}: download model.safetensors`);
  }
  const read = await buffer(Readable.from(tensorBytes(artifacts, file, [found])));
  return { shape, weights: new Float32Array(new Uint8Array(read).buffer) };
}

export const filterRoutes: Routes = (app, { services }, done) => {
  const { predictions, predictionAdmission } = services;
  app.get(
    '/jobs/:id/filters',
    {
      onRequest: predictionAdmission.onRequest,
      preHandler: predictionAdmission.preHandler,
      schema: {
        operationId: 'getFilters',
        summary: 'The filters of a convolution',
        description:
          'Of the trained model or, until there is one, of the last checkpoint. As `image/png` they are a sheet: a row for each filter and a tile for each of its planes, or one tile of colour for each filter of three planes; black to white is from the negative of the largest weight to the largest.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({
          layer: z.string().optional().describe('The name of a convolution, or its index: `conv1`, `3.layers.0`; left out, the first one.'),
        }),
        response: {
          200: {
            description: 'The weights, [filters, planes, height, width].',
            content: { 'application/json': { schema: jobFilters }, 'image/png': { schema: z.unknown() } },
          },
          ...problems(...guarded, 'notFound', 'notAcceptable', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/json', 'image/png']);
      if (type === undefined) throw new ProblemError('notAcceptable', 'Filters come as application/json or image/png.');
      const job = await visibleJob(services.jobs, request.params.id, request);
      const layers = convolutionNames(job.spec.model.layers);
      const layer = layerOf(layers, request.query.layer);
      const { from, shape, weights } = await withLatestWeights(services, job, async (file) => ({
        from: file.from,
        ...(await readWeights(services, job.id, file, layer)),
      }));
      const order = { kind: 'filters' as const, as: type, weights, shape, beside: { layer, layers, from } };
      return reply.send(await renderedBody(predictions, order, request, reply));
    },
  );
  done();
};
