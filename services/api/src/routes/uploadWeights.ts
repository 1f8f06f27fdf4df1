// POST /weights: receives initial weights for jobs, as the body or as the file of a form. The file is written to the disk while it arrives
// and then checked in a separate process.
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import { weightsSchema, type Weights } from '@trainyard/contracts';
import { elementTypesListed } from '@trainyard/engine/formats';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { guarded, json, problems } from '../http/answers.ts';
import { parseBody, validatorOfAllButBody } from '../http/parameters.ts';
import { receiveFile, tooLarge } from '../http/receiveFile.ts';
import { callerOf } from '../plugins/access.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { ProblemError } from '../problems.ts';
import { clientLeft } from '../http/clientLeft.ts';
import { type Form, withForm } from '../uploads/form.ts';
import type { AsyncRoutes } from './routeContext.ts';

const bytesType = 'application/octet-stream';
const formType = 'multipart/form-data';

/** The form in the OpenAPI document. It also checks the names of the parts after the form has been received. */
const weightsForm = z
  .strictObject({ file: z.string().meta({ format: 'binary' }).describe('A safetensors file, or a state_dict saved by torch.save') })
  .meta({ id: 'NewWeights' });

/** Returns the path of the form's only file. @throws ProblemError 422 if the form has no file `file`, or has another part */
function fileOf({ fields, files }: Form): string {
  const sent = Object.fromEntries([...Object.entries(fields), ...files.map(({ part, path }) => [part, path] as const)]);
  const { file } = parseBody(weightsForm, sent);
  if (files.some(({ part }) => part === 'file')) return file;
  const message = 'must be a file, not a text: curl -F file=@model.safetensors';
  throw new ProblemError('invalidRequest', `file: ${message}.`, { issues: [{ path: '/file', message, code: 'invalidType' }] });
}

export const uploadWeightsRoute: AsyncRoutes = async (app, { services, config: { uploadBytesLimit } }) => {
  const { weights, artifacts, uploadReader, uploadAdmission, keyQuotas } = services;
  app.setValidatorCompiler(validatorOfAllButBody);
  app.removeAllContentTypeParsers();
  await app.register(multipart);
  app.addContentTypeParser(bytesType, (_request, payload, parsed) => parsed(null, payload));

  /** Checks and stores a received file. @throws ProblemError 422 if the file has no usable weights. The message says why */
  const add = async (weightsFile: string, request: FastifyRequest, gone: AbortSignal): Promise<Weights> => {
    const converted = artifacts.temporaryFile();
    const owner = callerOf(request).name;
    try {
      const read = await uploadReader.readWeights(owner, { weightsFile, converted, maxBytes: uploadBytesLimit }, gone);
      return await weights.add(read, owner, quotasOf(request, keyQuotas));
    } finally {
      await rm(converted, { force: true });
    }
  };

  const addBody = async (request: FastifyRequest, gone: AbortSignal): Promise<Weights> => {
    const announcedBytes = Number(request.headers['content-length'] ?? 0);
    if (announcedBytes > uploadBytesLimit) throw tooLarge(uploadBytesLimit);
    const admitted = uploadAdmission.admit(callerOf(request).name, announcedBytes);
    const body: unknown = request.body;
    const file = artifacts.temporaryFile();
    try {
      await receiveFile(body instanceof Readable ? body : Readable.from([]), file, uploadBytesLimit, (bytes) => admitted.count(bytes));
      return await add(file, request, gone);
    } finally {
      await rm(file, { force: true }).finally(() => admitted.end());
    }
  };

  const addForm = async (request: FastifyRequest, gone: AbortSignal): Promise<Weights> =>
    await withForm(
      request,
      {
        maxBytes: uploadBytesLimit,
        maxFiles: 1,
        temporaryFile: () => artifacts.temporaryFile(),
        admit: (announcedBytes) => uploadAdmission.admit(callerOf(request).name, announcedBytes),
      },
      async (form) => await add(fileOf(form), request, gone),
    );

  const addUpload = async (request: FastifyRequest, reply: FastifyReply): Promise<Weights> => {
    const gone = clientLeft(reply);
    return await (request.isMultipart() ? addForm(request, gone) : addBody(request, gone));
  };

  app.post(
    '/weights',
    {
      config: { mediaType: `${bytesType} or ${formType}`, mayArriveSlowly: true },
      schema: {
        operationId: 'uploadWeights',
        summary: 'Upload initial weights for jobs',
        description: `Send the file as the body, or as the part \`file\` of a form: a safetensors file of ${elementTypesListed} tensors, or a state_dict saved by torch.save in its zip format. In a checkpoint, the entry \`state_dict\` or \`model_state_dict\` is read. Names and shapes are those of PyTorch. Code in the file is never run. Use the \`id\` of the response in \`initialWeights\`.`,
        tags: ['weights'],
        querystring: z.strictObject({}),
        consumes: [bytesType, formType],
        body: weightsForm,
        response: {
          201: json('The stored weights.', weightsSchema, {
            Location: { type: 'string', description: 'The path of the weights.' },
          }),
          ...problems(
            ...guarded,
            'malformedForm',
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
      const added = await addUpload(request, reply);
      return await reply.code(201).header('location', `/weights/${added.id}`).send(added);
    },
  );
};
