// A look at a dataset: its first samples, as numbers or as an image of images.
import { datasetParts, datasetSamples } from '@trainyard/contracts';
import type { Dataset } from '@trainyard/engine';
import type { ArtifactStore, DatasetStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { contactSheet, isImage } from '../datasets/contactSheet.ts';
import type { BuiltInReads } from '../datasets/builtInReads.ts';
import { firstUploaded } from '../datasets/firstSamples.ts';
import { builtInDatasets, visibleDataset } from '../datasets/shownDataset.ts';
import { negotiate } from '../http/accept.ts';
import { guarded, problems } from '../http/answers.ts';
import { pageLimit } from '../http/parameters.ts';
import { ProblemError } from '../problems.ts';
import { datasetParams } from './datasets.ts';

/** Numbers in an answer: of large samples fewer are shown. */
const mostValues = 1_000_000;

const query = z.strictObject({
  limit: pageLimit(100).default(10),
  part: datasetParts.default('train').describe('Of which part.'),
});

type Nested = number | Nested[];

/** Numbers in lists of lists, as a shape says. */
function nested(values: ArrayLike<number>, shape: readonly number[], start = 0): Nested {
  if (shape.length === 0) return values[start];
  const [size, ...inner] = shape;
  const step = inner.reduce((product, side) => product * side, 1);
  return Array.from({ length: size }, (_, i) => nested(values, inner, start + i * step));
}

const list = (values: Nested): Nested[] => (Array.isArray(values) ? values : [values]);

function shown({ length, inputShape, inputs, target, targets }: Dataset): z.input<typeof datasetSamples> {
  const size = inputShape.reduce((product, side) => product * side, 1);
  const data = Array.from({ length }, (_, index) => {
    const input = list(nested(inputs, inputShape, index * size));
    if (target.kind === 'class') return { index, input, class: target.classes[targets[index]], target: targets[index] };
    const width = target.shape.reduce((product, side) => product * side, 1);
    return { index, input, class: null, target: list(nested(targets, target.shape, index * width)) };
  });
  return { inputType: inputs instanceof Uint8Array ? 'uint8' : 'float32', inputShape, data };
}

interface Services {
  readonly datasets: DatasetStore;
  readonly artifacts: ArtifactStore;
  readonly builtIn: BuiltInReads;
}

export const datasetSamplesRoute: FastifyPluginCallbackZod<Services> = (app, { datasets, artifacts, builtIn }, done) => {
  app.get(
    '/datasets/:id/samples',
    {
      schema: {
        operationId: 'getDatasetSamples',
        summary: 'The first samples of a dataset',
        description:
          'As numbers, or, where samples are images, as one PNG of them all. Of a built-in dataset they are there when its files are.',
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
        throw new ProblemError('notAcceptable', `Samples of shape [${shape.join(', ')}] are no images: ask for application/json.`);
      }
      const size = shape.reduce((product, side) => product * side, 1);
      const count = Math.max(1, Math.min(limit, Math.floor(mostValues / size)));
      const samples =
        uploaded === null ? (await builtIn.read(id, request, reply, count))[part] : await firstUploaded(uploaded, part, count, artifacts);
      if (samples === null) throw new ProblemError('notFound', `${id} has no test part.`);
      void reply.header('vary', 'accept');
      if (type === 'image/png')
        return reply
          .code(200)
          .type('image/png')
          .send(Buffer.from(contactSheet(samples)));
      return reply.code(200).send(shown(samples));
    },
  );
  done();
};
