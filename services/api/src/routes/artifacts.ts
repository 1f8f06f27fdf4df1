// The routes for the files of a job: a list of them, and a download of each. The ETag of a file is its digest. So an interrupted download
// can be continued, and a file that the client already has is not sent again. files/jobFiles.ts defines the files.
import { artifactList, isFinal, type Job } from '@trainyard/contracts';
import { initialWeightsFile } from '@trainyard/engine/spec';
import type { JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type FileContent, type JobFile, namesQuery } from '../files/jobFile.ts';
import { jobFiles } from '../files/jobFiles.ts';
import { answer, guarded, json, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { matchesETag, requestedRange } from '../http/ranges.ts';
import { callerOf } from '../plugins/access.ts';
import { named } from '../plugins/named.ts';
import { ProblemError } from '../problems.ts';
import type { Routes } from './routeContext.ts';
import { visibleJob } from './visibleJob.ts';

const fileHeaders = {
  ETag: {
    type: 'string',
    description: 'A digest in quotes, which changes with the content. For a stored file it is the SHA-256 of the file.',
  },
  'Accept-Ranges': { type: 'string', description: 'bytes' },
} as const;

const requestHeaders = z.looseObject({
  range: z.string().optional().describe('One range of bytes, `bytes=FIRST-LAST`. For several ranges, the whole file is sent.'),
  'if-range': z.string().optional().describe('An ETag. If the file has another one, the whole file is sent.'),
  'if-none-match': z
    .string()
    .optional()
    .describe('The ETags of files that you have. If the file has one of them, the response is a 304 without the file.'),
});

function notThereYet(job: Job, name: string): ProblemError {
  if (name === initialWeightsFile)
    return new ProblemError('notFound', `${job.id} has no ${name}: its spec has no initialWeights, so its first weights were random.`);
  const when = isFinal(job.status)
    ? `The job is ${job.status}; only a job that succeeded has it.`
    : `The job is ${job.status}; it will be there when the job has succeeded. Its final status event says when that is: GET /jobs/${job.id}/events.`;
  return new ProblemError('notFound', `${job.id} has no ${name}. ${when}`);
}

const etagOf = ({ digest }: FileContent): string => `"${digest}"`;

export const artifactRoutes: Routes = (app, { services }, done) => {
  const { jobs } = services;
  const files = jobFiles(services);

  app.get(
    '/jobs/:id/artifacts',
    {
      schema: {
        operationId: 'listArtifacts',
        summary: 'The files of a job that can be downloaded now',
        tags: ['jobs'],
        params: jobParams,
        querystring: z.strictObject({}),
        response: {
          200: json('The files, each with the path of its download.', artifactList),
          ...problems(...guarded, 'notFound', 'invalidRequest'),
        },
      },
    },
    async (request) => {
      const job = await visibleJob(jobs, request.params.id, request);
      const listed = await Promise.all(
        files.map(async (file) => {
          const content = await file.content(job, callerOf(request).name);
          if (content === null) return [];
          const { name, contentType } = file;
          return [
            { name, bytes: content.bytes, contentType, etag: etagOf(content), url: `${request.basePath}/jobs/${job.id}/artifacts/${name}` },
          ];
        }),
      );
      return { data: listed.flat() };
    },
  );

  for (const file of files) app.register(named(downloadRoute), { jobs, file });
  done();
};

/** The download of one file. Each file has a separate route, so that the OpenAPI document contains it. */
const downloadRoute: FastifyPluginCallbackZod<{ jobs: JobStore; file: JobFile }> = (app, { jobs, file }, done) => {
  const { name, operationId, summary, description, contentType, extension, takesNames } = file;
  const mediaType = contentType.split(';')[0] ?? contentType;
  app.route({
    method: ['GET', 'HEAD'],
    url: `/jobs/:id/artifacts/${name}`,
    schema: {
      operationId,
      summary,
      description,
      tags: ['jobs'],
      params: jobParams,
      querystring: takesNames === true ? namesQuery : z.strictObject({}),
      headers: requestHeaders,
      response: {
        200: answer('The file.', mediaType, z.unknown(), fileHeaders),
        206: answer('The range of the file that the header Range requests.', mediaType, z.unknown(), {
          ...fileHeaders,
          'Content-Range': { type: 'string', description: 'The range that is sent: bytes FIRST-LAST/LENGTH.' },
        }),
        304: z.undefined().describe('The file has an ETag that you sent in `If-None-Match`.'),
        ...problems(...guarded, 'notFound', 'rangeNotSatisfiable', 'invalidRequest'),
      },
    },
    handler: async (request, reply) => {
      const job = await visibleJob(jobs, request.params.id, request);
      const content = await file.content(job, callerOf(request).name, request.query);
      if (content === null) throw notThereYet(job, name);

      const etag = etagOf(content);
      void reply.headers({ etag, 'cache-control': 'private, no-cache', 'accept-ranges': 'bytes' });
      if (matchesETag(request.headers['if-none-match'], etag)) return reply.code(304).send();

      const range = request.method === 'GET' ? requestedRange(request.headers, content.bytes, etag) : 'whole';
      if (range === 'unsatisfiable') {
        throw new ProblemError('rangeNotSatisfiable', `The file has ${content.bytes} bytes.`, {
          headers: { 'content-range': `bytes */${content.bytes}` },
        });
      }
      const { first, last } = range === 'whole' ? { first: 0, last: content.bytes - 1 } : range;
      void reply.headers({ 'content-type': contentType, 'content-disposition': `attachment; filename="${job.id}.${extension}"` });
      if (range !== 'whole') void reply.code(206).header('content-range', `bytes ${first}-${last}/${content.bytes}`);
      void reply.header('content-length', last - first + 1);
      if (request.method === 'HEAD') return reply.send();
      return reply.send(await content.open(range === 'whole' ? undefined : range));
    },
  });
  done();
};
