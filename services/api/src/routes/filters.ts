// The route for the filters of a job's convolutions, as arrays or as a picture, also while the job trains. Only the weights of the
// requested layer are read.
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

/** The most weights in a response. */
const mostWeights = 1_000_000;

function wrongLayer(code: 'unknownLayer' | 'limitExceeded', message: string): ProblemError {
  return new ProblemError('invalidRequest', `?layer: ${message}.`, { issues: [{ path: '?layer', message, code }] });
}

/**
 * Returns the name of the requested convolution. Default: the first convolution.
 * @throws ProblemError 422 if the network has no such convolution. The message lists all names
 */
function layerOf(names: readonly string[], asked: string | undefined): string {
  const [first] = names;
  if (first === undefined) throw wrongLayer('unknownLayer', 'the model has no convolutions');
  if (asked === undefined) return first;
  if (names.includes(asked)) return asked;
  const guess = nearest(asked, names);
  throw wrongLayer(
    'unknownLayer',
    `${JSON.stringify(asked)} is not a convolution of the model${guess === null ? '' : `: did you mean ${JSON.stringify(guess)}?`} (the convolutions are ${names.join(', ')})`,
  );
}

/** Reads the weights of one layer. @throws ProblemError 422 if the layer has too many weights */
async function readWeights({ artifacts }: WeightsServices, jobId: string, { name, bytes }: WeightsFile, layer: string) {
  const file = { jobId, name, bytes };
  const found = (await storedTensors(artifacts, file)).find((tensor) => tensor.name === `${layer}.weight`);
  if (found === undefined) throw new TypeError(`${name} of ${jobId} lacks the weights of ${layer}`);
  const { shape, start, end } = found;
  const size = (end - start) / Float32Array.BYTES_PER_ELEMENT;
  if (size > mostWeights) {
    throw wrongLayer(
      'limitExceeded',
      `${layer} has ${size} weights, but a response may have at most ${mostWeights}: download model.safetensors`,
    );
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
          'The filters of the trained model or, until there is one, of the last checkpoint. As `image/png`, each filter is a row with one grey tile for each of its planes. A filter with three planes is one tile in colour. With the largest absolute weight m, black is −m and white is m.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({
          layer: z
            .string()
            .optional()
            .describe('The name of a convolution, such as `conv1`, or its index, such as `3.layers.0`. Default: the first convolution.'),
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
      const order = { kind: 'filters' as const, as: type, weights, shape, fields: { layer, layers, from } };
      return reply.send(await renderedBody(predictions, order, request, reply));
    },
  );
  done();
};
