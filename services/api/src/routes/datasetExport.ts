// Exports the samples of a dataset as NumPy's NPZ. For an upload, this is the file that jobs are trained on. For a built-in dataset, it is
// written on request.
import { Readable } from 'node:stream';
import { npzPieces, UPLOADED_FILE } from '@trainyard/engine/data';
import { z } from 'zod';
import { visibleDataset } from '../datasets/shownDataset.ts';
import { answer, guarded, problems } from '../http/answers.ts';
import { datasetParams } from './datasets.ts';
import type { Routes } from './routeContext.ts';

export const datasetExportRoute: Routes = (app, { services: { datasets, artifacts, builtInReads } }, done) => {
  app.get(
    '/datasets/:id/export',
    {
      schema: {
        operationId: 'exportDataset',
        summary: 'The samples of a dataset as arrays',
        description:
          'An NPZ file for numpy: `train_inputs`, `train_targets`, `test_inputs` and `test_targets`, and the names of `classes`. Pixels are bytes. `train.py` of a job reads it in its data folder: digits as `digits/digits.npz`, an uploaded dataset as `ds_…/dataset.npz`.',
        tags: ['datasets'],
        params: datasetParams,
        querystring: z.strictObject({}),
        response: {
          200: answer('The file.', 'application/octet-stream', z.unknown()),
          ...problems(...guarded, 'notFound', 'notReady', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const uploaded = await visibleDataset(datasets, id, request);
      const send = (content: Readable | Uint8Array) => {
        void reply.headers({ 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${id}.npz"` });
        return reply.send(content);
      };
      if (uploaded !== null) {
        const file = await artifacts.open(id, UPLOADED_FILE);
        void reply.headers({ 'content-length': uploaded.bytes, etag: `"${uploaded.content.sha256}"` });
        return send(file);
      }
      if (id === 'digits') return send(await builtInReads.digitsFile());
      return send(Readable.from(npzPieces(await builtInReads.read(id, request, reply)), { objectMode: false }));
    },
  );
  done();
};
