// The route for the first samples of a dataset, as numbers or as one picture.
import { datasetParts, datasetSamples } from '@trainyard/contracts';
import { z } from 'zod';
import { isImage } from '../datasets/contactSheet.ts';
import { firstUploaded } from '../datasets/firstSamples.ts';
import { builtInDatasets, visibleDataset } from '../datasets/shownDataset.ts';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { pageLimit } from '../http/parameters.ts';
import { renderedBody } from '../predict/renderedBody.ts';
import { ProblemError } from '../problems.ts';
import { datasetParams } from './datasets.ts';
import type { Routes } from './routeContext.ts';

/** The most numbers in a response. If the samples are large, the response has fewer samples. */
const mostValues = 1_000_000;

const query = z.strictObject({
  limit: pageLimit(100).default(10),
  part: datasetParts.default('train').describe('The part of the dataset.'),
});

export const datasetSamplesRoute: Routes = (app, { services }, done) => {
  const { datasets, artifacts, builtInReads, predictions, predictionAdmission } = services;
  app.get(
    '/datasets/:id/samples',
    {
      onRequest: predictionAdmission.onRequest,
      preHandler: predictionAdmission.preHandler,
      schema: {
        operationId: 'getDatasetSamples',
        summary: 'The first samples of a dataset',
        description:
          'As numbers or, if the samples are images, as one PNG with all of them. The files of a built-in dataset, if it has any, must be on the server.',
        tags: ['datasets'],
        params: datasetParams,
        querystring: query,
        response: {
          200: {
            description: 'The samples.',
            content: { 'application/json': { schema: datasetSamples }, 'image/png': { schema: z.unknown() } },
          },
          ...problems(...guarded, 'notFound', 'notReady', 'notAcceptable', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const type = negotiate(request.headers.accept, ['application/json', 'image/png']);
      if (type === undefined) throw new ProblemError('notAcceptable', 'Samples come as application/json or image/png.');
      const { id } = request.params;
      const { limit, part } = request.query;
      const uploaded = await visibleDataset(datasets, id, request);
      const shape = uploaded?.content.inputShape ?? builtInDatasets.find((dataset) => dataset.id === id)?.inputShape ?? [];
      if (type === 'image/png' && shape.length > 0 && !isImage(shape)) {
        throw new ProblemError('notAcceptable', `Samples of shape [${shape.join(', ')}] are not images: request application/json.`);
      }
      const size = shape.reduce((product, side) => product * side, 1);
      const count = Math.max(1, Math.min(limit, Math.floor(mostValues / size)));
      const samples =
        uploaded === null
          ? (await builtInReads.read(id, request, reply, count))[part]
          : await firstUploaded(uploaded, part, count, artifacts);
      if (samples === null) throw new ProblemError('notFound', `${id} has no test part.`);
      const order = { kind: 'samples' as const, as: type, samples };
      return reply.send(await renderedBody(predictions, order, request, reply));
    },
  );
  done();
};
