// The datasets that a job can name, and what is known of each without reading a file. Their samples are datasetExport.ts's.
import { type Dataset, datasetList, datasetSchema } from '@trainyard/contracts';
import { dataSchema, datasetDefinitions, describeData } from '@trainyard/engine';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { ProblemError } from '../problems.ts';

const params = z.object({ id: z.string().describe('The id of a dataset.') });

const datasets: readonly Dataset[] = datasetDefinitions.map(({ name, title, description }) => {
  // One that a spec has to give a shape cannot be described without a spec.
  const { data } = dataSchema.safeParse({ dataset: name });
  const known = data === undefined ? null : describeData(data);
  return {
    id: name,
    source: 'builtIn',
    title,
    description,
    inputShape: known?.inputShape ?? null,
    classes: known?.target.kind === 'class' ? known.target.classes : null,
    trainSamples: known?.trainSamples ?? null,
    testSamples: known?.testSamples ?? null,
  };
});

export const datasetRoutes: FastifyPluginCallbackZod = (app, _options, done) => {
  app.get(
    '/datasets',
    {
      schema: {
        operationId: 'listDatasets',
        summary: 'The datasets that a job can name',
        tags: ['datasets'],
        querystring: z.strictObject({}),
        response: { 200: json('The datasets.', datasetList), ...problems(...guarded, 'invalidRequest') },
      },
    },
    () => ({ data: [...datasets] }),
  );

  app.get(
    '/datasets/:id',
    {
      schema: {
        operationId: 'getDataset',
        summary: 'A dataset',
        tags: ['datasets'],
        params,
        querystring: z.strictObject({}),
        response: { 200: json('The dataset.', datasetSchema), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    (request) => {
      const found = datasets.find(({ id }) => id === request.params.id);
      if (found !== undefined) return found;
      const known = datasets.map(({ id }) => id).join(', ');
      throw new ProblemError('notFound', `There is no dataset ${JSON.stringify(request.params.id)}; there are ${known}.`);
    },
  );
  done();
};
