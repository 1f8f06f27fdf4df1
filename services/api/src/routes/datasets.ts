// The routes that list datasets, show one and delete an uploaded one. See uploadDataset.ts for uploads, and datasetSamples.ts and
// datasetExport.ts for the samples.
import { datasetList, datasetSchema } from '@trainyard/contracts';
import { z } from 'zod';
import { builtInDatasets, shownDataset, shownUpload, unknownDataset, visibleDataset, visibleUpload } from '../datasets/shownDataset.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { pageLimit } from '../http/parameters.ts';
import { visibleOwner } from '../plugins/access.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';

export const datasetParams = z.object({ id: z.string().describe('The id of a dataset.') });

const listQuery = z.strictObject({
  limit: pageLimit(100).default(100),
  after: z
    .string()
    .regex(/^ds_[0-9A-HJKMNP-TV-Z]{26}$/, 'must be the nextCursor of a page')
    .optional()
    .describe('The `nextCursor` of the page before.'),
});

export const datasetRoutes: Routes = (app, { services: { datasets } }, done) => {
  app.get(
    '/datasets',
    {
      schema: {
        operationId: 'listDatasets',
        summary: 'The datasets that a job can name',
        description:
          'The first page begins with the built-in datasets. Your uploaded datasets follow, newest first. `limit` counts only uploaded datasets.',
        tags: ['datasets'],
        querystring: listQuery,
        response: { 200: json('The datasets.', datasetList), ...problems(...guarded, 'invalidRequest') },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const owner = visibleOwner(request);
      const range = { limit: limit + 1, ...(after !== undefined && { after }), ...(owner !== undefined && { owner }) };
      const [ready, pending] = await Promise.all([datasets.list(range), datasets.pending.list(range)]);
      // An upload that has just become a dataset may be in both lists. Only the dataset is shown.
      const known = new Set(ready.map(({ id }) => id));
      const found = [...ready.map(shownDataset), ...pending.filter(({ id }) => !known.has(id)).map(shownUpload)];
      const newest = found.toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const page = newest.slice(0, limit);
      return {
        data: [...(after === undefined ? builtInDatasets : []), ...page],
        nextCursor: newest.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  );

  app.get(
    '/datasets/:id',
    {
      schema: {
        operationId: 'getDataset',
        summary: 'A dataset',
        description: 'For an upload with `Prefer: respond-async`, `status` and `progress` show how much of the files is read.',
        tags: ['datasets'],
        params: datasetParams,
        querystring: z.strictObject({}),
        response: { 200: json('The dataset.', datasetSchema), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => {
      const { id } = request.params;
      const builtIn = builtInDatasets.find((dataset) => dataset.id === id);
      if (builtIn !== undefined) return builtIn;
      const dataset = await datasets.get(id, visibleOwner(request));
      if (dataset !== null) return shownDataset(dataset);
      const upload = await visibleUpload(datasets, id, request);
      if (upload === null) throw unknownDataset(id);
      return 'content' in upload ? shownDataset(upload) : shownUpload(upload);
    },
  );

  app.delete(
    '/datasets/:id',
    {
      schema: {
        operationId: 'deleteDataset',
        summary: 'Delete an uploaded dataset',
        description:
          'Jobs of the dataset that have ended keep their results, but cannot be trained again. An upload that is being read is stopped.',
        tags: ['datasets'],
        params: datasetParams,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('The dataset is deleted.'),
          ...problems(
            ...guarded,
            'notFound',
            'inUse',
            'notReady',
            'builtInDataset',
            'invalidRequest',
            'malformedJson',
            'bodyTooLarge',
            'unsupportedMediaType',
          ),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const owner = visibleOwner(request);
      const upload = await datasets.pending.get(id, owner);
      // The process that reads the upload notices that its record is gone, and stops.
      if (upload !== null && (await datasets.pending.remove(upload)) && (await datasets.get(id, owner)) === null)
        return reply.code(204).send();
      const dataset = await visibleDataset(datasets, id, request);
      if (dataset === null) throw new ProblemError('builtInDataset', `${id} is a built-in dataset and cannot be deleted.`);
      await datasets.delete(id);
      return reply.code(204).send();
    },
  );
  done();
};
