// POST /datasets: receives a form, reads its files in a separate process, stores the dataset and responds. With `Prefer: respond-async` it
// responds before the files are read. After an error, or when the client disconnects, all files are removed.
import { basename } from 'node:path';
import { stat } from 'node:fs/promises';
import multipart from '@fastify/multipart';
import { datasetSchema } from '@trainyard/contracts';
import {
  suggestedFormats,
  type UploadFilePart,
  uploadFileParts,
  uploadFormatDefinitions,
  type UploadOptions,
  uploadOptions,
} from '@trainyard/engine/data';
import { z } from 'zod';
import { shownDataset, shownUpload } from '../datasets/shownDataset.ts';
import { guarded, json, problems } from '../http/answers.ts';
import { parseBody, validatorOfAllButBody } from '../http/parameters.ts';
import { callerOf } from '../plugins/access.ts';
import { problemFor } from '../plugins/errors.ts';
import { quotasOf } from '../plugins/quotas.ts';
import { addAndRemove, BackgroundUploads } from '../uploads/backgroundUploads.ts';
import { ProblemError } from '../problems.ts';
import { clientLeft } from '../http/clientLeft.ts';
import { type Form, withForm } from '../uploads/form.ts';
import type { AsyncRoutes } from './routeContext.ts';

/** The most files of an upload. CIFAR-10 has six. */
const maxFiles = 32;

const filePart = (description: string) => z.string().meta({ format: 'binary' }).optional().describe(description);

/** Returns the schema of a form field as the client sends it: as text. */
function asWritten(schema: z.ZodType): z.ZodType {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  if (!(inner instanceof z.ZodPipe)) return schema;
  return (inner.in as z.ZodType).optional().describe(schema.description ?? '');
}

/** Joins alternatives: `a, b, or c`. */
const either = (items: readonly string[]): string => [...items.slice(0, -1), `or ${items.slice(-1).join('')}`].join(', ');

/** The files that can be sent as `file`, and the arrays that can be sent as a pair, in words. */
const filesInWords = either(suggestedFormats.flatMap(({ file }) => file?.description ?? []));
const arraysInWords = uploadFormatDefinitions.flatMap(({ pair }) => pair ?? []).join(' or ');

/** The form in the OpenAPI document. It does not check requests, because a form is received in pieces. */
const uploadForm = z
  .strictObject({
    ...Object.fromEntries(Object.entries(uploadOptions.shape).map(([field, schema]) => [field, asWritten(schema)])),
    file: filePart(filesInWords[0].toUpperCase() + filesInWords.slice(1)),
    testFile: filePart('The same for the test part'),
    inputs: filePart(`${arraysInWords}: images or other samples`),
    targets: filePart(`${arraysInWords}: their labels or values`),
    testInputs: filePart('The same for the test part'),
    testTargets: filePart('The same for the test part'),
  })
  .meta({ id: 'NewDataset' });

const isFilePart = (name: string): name is UploadFilePart => (uploadFileParts as readonly string[]).includes(name);

/** Returns the files of a form. @throws ProblemError 422 if the part of a file has an unknown name */
function filesOf({ files }: Form): { readonly part: UploadFilePart; readonly path: string }[] {
  return files.map(({ part, path }) => {
    if (isFilePart(part)) return { part, path };
    const message = `no part of this name takes a file: use one of ${uploadFileParts.join(', ')}`;
    throw new ProblemError('invalidRequest', `${part}: ${message}.`, { issues: [{ path: `/${part}`, message, code: 'unknownField' }] });
  });
}

/** Refuses files that were sent as text. @throws ProblemError 422 if a file is sent as text, as by curl's `-F file=<FILE` */
function refuseTexts({ fields }: Form): void {
  const issues = uploadFileParts
    .filter((part) => Object.hasOwn(fields, part))
    .map((part) => ({ path: `/${part}`, message: `is sent as a text: send it as a file (curl: -F ${part}=@FILE)`, code: 'invalidType' }));
  if (issues.length === 0) return;
  throw new ProblemError('invalidRequest', `${issues.map(({ path, message }) => `${path} ${message}`).join('; ')}.`, { issues });
}

/** Returns the name of the first file, without the client's folders. */
function titleOf({ files }: Form): string {
  const name = basename((files[0]?.filename ?? '').replaceAll('\\', '/')).replaceAll(/[^ -~\u00a0-\uffff]/g, '');
  return name.slice(0, 200) || 'dataset';
}

/** The content of an upload form. */
interface Upload {
  readonly title: string;
  readonly given: Omit<UploadOptions, 'name'>;
  readonly files: readonly { readonly part: UploadFilePart; readonly path: string }[];
}

/** Parses a form. @throws ProblemError 422 if a field or a part is invalid */
function parsed(form: Form): Upload {
  refuseTexts(form);
  const { name, ...given } = parseBody(uploadOptions, form.fields);
  return { title: name ?? titleOf(form), given, files: filesOf(form) };
}

async function bytesOf({ files }: Form): Promise<number> {
  const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Returns whether a Prefer header (RFC 7240) contains `respond-async`. */
const prefersAsync = (prefer: string | readonly string[] | undefined): boolean =>
  [prefer ?? []].flat().some((header) => header.split(',').some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference)));

export const uploadDatasetRoute: AsyncRoutes = async (app, { services, config: { uploadBytesLimit } }) => {
  const { datasets, artifacts, uploadReader, uploadAdmission, keyQuotas } = services;
  // Only forms are accepted as bodies here. Other routes accept no forms.
  app.removeAllContentTypeParsers();
  await app.register(multipart);
  app.setValidatorCompiler(validatorOfAllButBody);

  const background = new BackgroundUploads({ datasets, log: app.log });
  app.addHook('preClose', async () => await background.close());

  /** Reads the files of an upload into one new file. The caller removes that file. */
  const read = async (owner: string, { files, given }: Upload, signal: AbortSignal, onProgress?: (bytes: number) => void) => {
    const file = artifacts.temporaryFile();
    return { ...(await uploadReader.read(owner, { files, options: given, output: file }, signal, onProgress)), file };
  };

  app.post(
    '/datasets',
    {
      config: { mayArriveSlowly: true, mediaType: 'multipart/form-data' },
      schema: {
        operationId: 'uploadDataset',
        summary: 'Upload a dataset',
        description: `A form with files: ${arraysInWords} pairs, ${either(uploadFormatDefinitions.flatMap(({ file }) => file?.shown ?? []))}; gzipped or not. The files are read and checked before the response. Uploading the same content again returns the existing dataset.`,
        tags: ['datasets'],
        consumes: ['multipart/form-data'],
        querystring: z.strictObject({}),
        headers: z.object({
          prefer: z.string().optional().describe('With `respond-async`, the response is a 202, and the files are read afterwards.'),
        }),
        body: uploadForm,
        response: {
          200: json('An existing dataset of yours with the same content.', datasetSchema),
          201: json('The dataset.', datasetSchema, { Location: { type: 'string', description: 'The path of the dataset.' } }),
          202: json(
            'With `Prefer: respond-async`: the files have arrived and are read now. Get the dataset until its `status` is no longer `processing`.',
            datasetSchema,
            {
              Location: { type: 'string', description: 'The path of the dataset.' },
              'Preference-Applied': { type: 'string', description: '`respond-async`.' },
            },
          ),
          ...problems(
            ...guarded,
            'malformedForm',
            'requestTimeout',
            'bodyTooLarge',
            'storageQuotaExceeded',
            'unsupportedMediaType',
            'invalidDataset',
            'invalidRequest',
          ),
        },
      },
    },
    async (request, reply) => {
      if (!request.isMultipart()) throw new ProblemError('unsupportedMediaType', 'The body must be multipart/form-data.');
      const isAsync = prefersAsync(request.headers['prefer']);
      const owner = callerOf(request).name;
      const gone = clientLeft(reply);
      const options = {
        maxBytes: uploadBytesLimit,
        maxFiles,
        temporaryFile: () => artifacts.temporaryFile(),
        admit: (announcedBytes: number) => uploadAdmission.admit(owner, announcedBytes),
      };
      const answer = await withForm(request, options, async (form) => {
        const upload = parsed(form);
        const quotas = quotasOf(request, keyQuotas);
        if (isAsync) {
          const pending = await background.start({
            owner,
            title: upload.title,
            requestId: request.id,
            bytes: await bytesOf(form),
            read: async (signal, onProgress) => ({ ...(await read(owner, upload, signal, onProgress)), quotas }),
            release: form.keep(),
            problemOf: (error) => problemFor(error, request).toProblem('/datasets', request.id),
          });
          return { status: 202 as const, shown: shownUpload(pending) };
        }
        const made = await read(owner, upload, gone);
        const { dataset, isNew } = await addAndRemove(datasets, { ...made, owner, title: upload.title, quotas });
        // An existing dataset is shown with the decisions that were made for this upload.
        return { status: isNew ? (201 as const) : (200 as const), shown: shownDataset({ ...dataset, taken: made.taken }) };
      });
      if (answer.status === 202) void reply.header('preference-applied', 'respond-async');
      return reply.code(answer.status).header('location', `/datasets/${answer.shown.id}`).send(answer.shown);
    },
  );
};
