// POST /jobs/{id}/predict: applies a job's network to samples of the client in a separate process, also while the job trains.
import { prediction } from '@trainyard/contracts';
import { findDataset } from '@trainyard/engine/data';
import type { JobSpec } from '@trainyard/engine/spec';
import { z } from 'zod';
import { withLatestWeights, type WeightsFile, type WeightsServices } from '../files/latestWeights.ts';
import { storedHeader, tensorBytes } from '../files/storedTensors.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { clientLeft } from '../http/clientLeft.ts';
import { dataLimits } from '../http/jsonScan.ts';
import { jobParams, parseBody, validatorOfAllButBody } from '../http/parameters.ts';
import { callerOf } from '../plugins/access.ts';
import { mostSamplesOf, neededBytes, type RequestedPrediction, smallerPrediction } from '../predict/cost.ts';
import { flatInputs, mostInputs } from '../predict/inputs.ts';
import type { PredictInput } from '../predict/messages.ts';
import type { WeightsSource } from '../predict/predictionProcess.ts';
import { csvInput, rowsInput, tableOf } from '../predict/tableRows.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

const cell = z.union([z.number(), z.string(), z.boolean(), z.null()]);

const samples = z
  .strictObject({
    inputs: z
      .array(z.unknown())
      .min(1)
      .max(mostInputs)
      .optional()
      .describe(
        'The samples. Each is a nested list of numbers in the shape of the data before its transforms: [channels, height, width] for images, with pixels from 0 to 1.',
      ),
    rows: z
      .array(z.record(z.string(), cell))
      .min(1)
      .max(mostInputs)
      .optional()
      .describe(
        'Instead of `inputs`, for tables: one object per row, with a value for each of the `columns` of the dataset. `null` is a missing value.',
      ),
  })
  .meta({ id: 'PredictInputs', examples: [{ inputs: [[0.1, 0.2, 0.3, 0.4]] }, { rows: [{ city: 'Oslo', rooms: 3 }] }] });

/** The same schema without a check of each row, because that takes long. The rows are checked when they are prepared. */
const parsedSamples = samples.extend({ rows: z.array(z.unknown()).min(1).max(mostInputs).optional() });

/** The media types of images. How an image is decoded depends on its content, not on its media type. */
const images = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/bmp', 'image/tiff', 'image/avif'];
const anyImage = /^image\//;
const tables = ['text/csv'];

type SentAs = RequestedPrediction['sentAs'];

/** The most bytes of an image. Photos are larger than other bodies. */
const imageBytesLimit = 16 * 1024 * 1024;

/** Limits the samples of a request. */
interface SampleLimits {
  /** @throws ProblemError 422 if a prediction of this many samples is too large */
  check(samples: number, sentAs: SentAs): void;
  /** The most samples in one request. */
  readonly most: number;
}

interface SentInput {
  readonly sentAs: SentAs;
  readonly input: PredictInput;
}

interface BodyOptions {
  readonly mediaType: string;
  /** Whether black and white of an image are exchanged. */
  readonly isInverted: boolean;
}

/** Returns the samples of a body. @throws ProblemError 422 if the body has no valid samples, or too many */
async function inputOf(spec: JobSpec, body: unknown, { mediaType, isInverted }: BodyOptions, limits: SampleLimits): Promise<SentInput> {
  if (Buffer.isBuffer(body) && !tables.some((type) => mediaType.toLowerCase().startsWith(type))) {
    limits.check(1, 'image');
    return { sentAs: 'image', input: { kind: 'image', bytes: body, isInverted } };
  }
  if (isInverted) {
    const message = 'only an image can be inverted: send an image, or remove invert';
    throw new ProblemError('invalidRequest', `invert: ${message}.`, { issues: [{ path: '/invert', message, code: 'invalidValue' }] });
  }
  if (Buffer.isBuffer(body)) return { sentAs: 'table', input: await csvInput(tableOf(spec), body, limits.most) };
  const { inputs, rows } = parseBody(parsedSamples, body);
  if ((inputs === undefined) === (rows === undefined)) {
    const message = 'send either inputs or, for a table, rows';
    throw new ProblemError('invalidRequest', `The body: ${message}.`, { issues: [{ path: '', message, code: 'required' }] });
  }
  if (rows !== undefined) {
    const table = tableOf(spec);
    limits.check(rows.length, 'rows');
    return { sentAs: 'rows', input: await rowsInput(table, rows) };
  }
  const form = findDataset(spec.data.dataset).describe(spec.data);
  return { sentAs: 'inputs', input: { kind: 'values', values: flatInputs(inputs ?? [], form) } };
}

const inputShapeOf = ({ data }: JobSpec): readonly number[] => findDataset(data.dataset).describe(data).inputShape;

function samplesOf(spec: JobSpec, input: PredictInput): number {
  if (input.kind === 'image') return 1;
  return input.values.length / inputShapeOf(spec).reduce((product, length) => product * length, 1);
}

/** Returns the weights of a file, to be sent to a process. Tensors with a dot at the start of their names are not weights. */
async function weightsOf({ artifacts }: WeightsServices, jobId: string, { name, bytes }: WeightsFile): Promise<WeightsSource> {
  const file = { jobId, name, bytes };
  const header = await storedHeader(artifacts, file);
  const tensors = header.tensors.filter((tensor) => !tensor.name.startsWith('.'));
  return {
    metadata: header.metadata,
    tensors: tensors.map(({ start, end, ...tensor }) => ({ ...tensor, bytes: end - start })),
    open: () => tensorBytes(artifacts, file, tensors),
  };
}

export const predictRoutes: Routes = (app, { services }, done) => {
  const { predictions, predictionAdmission } = services;
  app.addContentTypeParser(anyImage, { parseAs: 'buffer', bodyLimit: imageBytesLimit }, (_request, body, parsed) => parsed(null, body));
  app.addContentTypeParser(tables, { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
  // A body is JSON, an image or a table, so the handler parses it.
  app.setValidatorCompiler(validatorOfAllButBody);

  app.post(
    '/jobs/:id/predict',
    {
      onRequest: predictionAdmission.onRequest,
      preHandler: predictionAdmission.preHandler,
      config: { mediaType: `application/json, ${images.join(', ')} or ${tables.join(', ')}`, imageBytesLimit, jsonLimits: dataLimits },
      schema: {
        operationId: 'predict',
        summary: 'Apply the network to your own samples',
        description:
          'Uses the trained model or, until there is one, the last checkpoint. Transforms of the data are applied as in evaluation, without random ones. An image of any size as the body (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF) is one sample. It is prepared like the images of the dataset: size, colours and background. For data that was not uploaded as images, it is scaled so that it fills the size of a sample, and cut at two sides. Send rows of a table as `rows`, or as CSV with the names of the columns.',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({
          activations: z.enum(['true', 'false']).default('false').describe('`true` adds the output of each layer to the response.'),
          invert: z
            .enum(['true', 'false'])
            .default('false')
            .describe('For an image: `true` exchanges black and white, for example if the data has white digits on black.'),
        }),
        consumes: ['application/json', ...images, ...tables],
        body: samples,
        response: {
          200: json('The outputs of the network. For data with classes, also the probabilities and the predicted classes.', prediction),
          ...problems(...guarded, 'notFound', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType', 'invalidRequest'),
        },
      },
    },
    async (request, reply) => {
      const job = await visibleJob(services.jobs, request.params.id, request);
      const { spec } = job;
      const activations = request.query.activations === 'true';
      const sampleLimits: SampleLimits = {
        most: mostSamplesOf(inputShapeOf(spec), mostInputs),
        check: (samples, sentAs) => void neededBytes({ spec, sentAs, samples, activations }, predictions.memoryBytes),
      };
      const bodyOptions = { mediaType: request.headers['content-type'] ?? '', isInverted: request.query.invert === 'true' };
      const { sentAs, input } = await inputOf(spec, request.body, bodyOptions, sampleLimits);
      // Frees the parsed JSON, which takes many times the memory of its numbers.
      request.body = {};
      const asked = { spec, sentAs, samples: samplesOf(spec, input), activations };
      const needed = neededBytes(asked, predictions.memoryBytes);
      const requester = { key: callerOf(request).name, signal: clientLeft(reply) };
      const answer = await withLatestWeights(services, job, async (file) => {
        const order = { kind: 'predict' as const, key: `${job.id}/${file.sha256}`, spec, input, activations, memoryBytes: needed };
        const weights = async () => await weightsOf(services, job.id, file);
        return await predictions.predict(order, weights, smallerPrediction(asked), requester);
      });
      void reply.code(200).type('application/json; charset=utf-8');
      return reply.send(Buffer.from(answer) as unknown as z.infer<typeof prediction>);
    },
  );
  done();
};
