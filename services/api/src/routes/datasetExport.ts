// A dataset's samples as NumPy's NPZ, for scripts. So far that of the digits, which no one but this program can make: the other
// sets have publishers.
import { dataSchema, encodeNpz, Generator, loadData } from '@trainyard/engine';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answer, guarded, problems } from '../http/answers.ts';
import { ProblemError } from '../problems.ts';

const params = z.object({ id: z.string().describe('The id of a dataset: `digits`.') });

const noFile = () => Promise.reject(new TypeError('digits are drawn, not read'));

async function drawDigits(): Promise<Uint8Array> {
  const data = dataSchema.parse({ dataset: 'digits' });
  return encodeNpz(await loadData(data, { files: { read: noFile, find: noFile }, generator: new Generator(0) }));
}

export const datasetExportRoute: FastifyPluginCallbackZod = (app, _options, done) => {
  // Drawing them takes half a second: once for the process, when somebody first asks.
  let digits: Promise<Uint8Array> | undefined;
  app.get(
    '/datasets/:id/export',
    {
      schema: {
        operationId: 'exportDataset',
        summary: 'The samples of a dataset as arrays',
        description:
          'An NPZ file for numpy: `train_inputs`, `train_targets`, `test_inputs` and `test_targets`. Pixels are bytes. `train.py` of a job on digits reads it as `digits/digits.npz` of its data folder.',
        tags: ['datasets'],
        params,
        querystring: z.strictObject({}),
        response: {
          200: answer('The file.', 'application/octet-stream', z.unknown()),
          ...problems(...guarded, 'notFound', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (id !== 'digits') throw new ProblemError('notFound', `There is no dataset ${JSON.stringify(id)} to export; there is "digits".`);
      void reply.headers({ 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${id}.npz"` });
      return reply.send(await (digits ??= drawDigits()));
    },
  );
  done();
};
