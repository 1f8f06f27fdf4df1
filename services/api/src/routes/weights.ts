// Uploaded weights, for jobs to begin with: a safetensors file, checked while only its header is in memory.
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { weightsId, weightsSchema, type Weights } from '@trainyard/contracts';
import { checkedHeaderBytes, type ListedTensor, listSafetensors, SAFETENSORS_LENGTH_BYTES, SafetensorsError } from '@trainyard/engine';
import type { ArtifactStore, KeyQuotas, WeightsStore } from '@trainyard/jobs';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { validatorOfAllButBody } from '../http/parameters.ts';
import { receiveFile, tooLarge } from '../http/receiveFile.ts';
import { callerOf, visibleOwner } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { nothingThere, ProblemError } from '../problems.ts';

const mediaType = 'application/octet-stream';

/** Thousands of tensors fit; a longer header is there to be expensive. */
const mostHeaderBytes = 4_000_000;

const params = z.object({ id: z.string().describe('The id of weights.') });

/** What the file holds. @throws ProblemError 422 */
async function tensorsOf(path: string, bytes: number): Promise<readonly ListedTensor[]> {
  const file = await open(path, 'r');
  try {
    const start = Buffer.alloc(Math.min(SAFETENSORS_LENGTH_BYTES, bytes));
    await file.read(start, 0, start.length, 0);
    const header = Buffer.alloc(checkedHeaderBytes(start, bytes, mostHeaderBytes));
    await file.read(header, 0, header.length, SAFETENSORS_LENGTH_BYTES);
    return listSafetensors(header, bytes);
  } catch (error) {
    throw error instanceof SafetensorsError ? new ProblemError('invalidWeights', `${error.message}.`) : error;
  } finally {
    await file.close();
  }
}

interface Services {
  readonly weights: WeightsStore;
  readonly artifacts: ArtifactStore;
  readonly uploadBytesLimit: number;
  readonly keyQuotas: KeyQuotas;
}

export const weightsRoutes: FastifyPluginCallbackZod<Services> = (app, { weights, artifacts, uploadBytesLimit, keyQuotas }, done) => {
  app.setValidatorCompiler(validatorOfAllButBody);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(mediaType, (_request, payload, parsed) => parsed(null, payload));

  app.post(
    '/weights',
    {
      config: { mediaType, mayArriveSlowly: true },
      schema: {
        operationId: 'uploadWeights',
        summary: 'Upload weights for jobs to begin with',
        description:
          'A safetensors file of F32, F64 or I64 tensors, named as in PyTorch: what a job has as `model.safetensors`, or `save_file(model.state_dict(), …)`. Use its id in `initialWeights`.',
        tags: ['weights'],
        querystring: z.strictObject({}),
        consumes: [mediaType],
        body: z.unknown().describe('The bytes of the file.'),
        response: {
          201: json('The weights, as they are kept.', weightsSchema, {
            Location: { type: 'string', description: 'The path of the weights.' },
          }),
          ...problems(
            ...guarded,
            'requestTimeout',
            'bodyTooLarge',
            'storageQuotaExceeded',
            'unsupportedMediaType',
            'invalidRequest',
            'invalidWeights',
          ),
        },
      },
    },
    async (request, reply) => {
      if (Number(request.headers['content-length'] ?? 0) > uploadBytesLimit) throw tooLarge(uploadBytesLimit);
      const body: unknown = request.body;
      const file = artifacts.temporaryFile();
      try {
        const bytes = await receiveFile(body instanceof Readable ? body : Readable.from([]), file, uploadBytesLimit);
        const tensors = await tensorsOf(file, bytes);
        const added = await weights.add(file, tensors, callerOf(request).name, quotasOf(request, keyQuotas));
        return await reply.code(201).header('location', `/weights/${added.id}`).send(added);
      } finally {
        await rm(file, { force: true });
      }
    },
  );

  const visible = async (id: string, request: FastifyRequest): Promise<Weights> => {
    const found = weightsId.safeParse(id).success ? await weights.get(id, visibleOwner(request)) : null;
    if (found === null) throw nothingThere(request.url);
    return found;
  };

  app.get(
    '/weights/:id',
    {
      schema: {
        operationId: 'getWeights',
        summary: 'What uploaded weights hold',
        tags: ['weights'],
        params,
        querystring: z.strictObject({}),
        response: { 200: json('The weights.', weightsSchema), ...problems(...guarded, 'notFound', 'invalidRequest') },
      },
    },
    async (request) => await visible(request.params.id, request),
  );

  app.delete(
    '/weights/:id',
    {
      schema: {
        operationId: 'deleteWeights',
        summary: 'Delete uploaded weights',
        description: 'Refused while a job that was made with them has not ended.',
        tags: ['weights'],
        params,
        querystring: z.strictObject({}),
        response: {
          204: z.undefined().describe('They are gone.'),
          ...problems(...guarded, 'notFound', 'inUse', 'invalidRequest', 'malformedJson', 'bodyTooLarge', 'unsupportedMediaType'),
        },
      },
    },
    async (request, reply) => {
      const { id } = await visible(request.params.id, request);
      await weights.delete(id);
      return reply.code(204).send();
    },
  );
  done();
};
