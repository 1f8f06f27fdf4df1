// The files that a job leaves behind: here the trained weights. A file never changes once it is there, so its digest is
// its ETag, and a download that broke off can be continued.
import { isFinal, type Job } from '@trainyard/contracts';
import type { ArtifactStore, JobStore } from '@trainyard/jobs';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { answer, guarded, problems } from '../http/answers.ts';
import { jobParams } from '../http/parameters.ts';
import { matchesETag, requestedRange } from '../http/ranges.ts';
import { ProblemError } from '../problems.ts';
import { visibleJob } from './visibleJob.ts';

const artifact = 'model.safetensors';

const fileHeaders = {
  ETag: { type: 'string', description: 'The SHA-256 of the file, quoted.' },
  'Accept-Ranges': { type: 'string', description: 'bytes' },
} as const;

const requestHeaders = z.looseObject({
  range: z.string().optional().describe('One range of bytes, `bytes=FIRST-LAST`; several are answered with the whole file.'),
  'if-range': z.string().optional().describe('An ETag; if the file has another one, the whole file is answered.'),
  'if-none-match': z.string().optional().describe('ETags that you have.'),
});

function notThereYet(job: Job): ProblemError {
  const when = isFinal(job.status)
    ? `The job is ${job.status}; only a job that succeeded has it.`
    : `The job is ${job.status}; it will be there when the job has succeeded. Its final status event says when that is: GET /jobs/${job.id}/events.`;
  return new ProblemError('notFound', `${job.id} has no ${artifact}. ${when}`);
}

export const artifactRoutes: FastifyPluginCallbackZod<{ jobs: JobStore; artifacts: ArtifactStore }> = (app, { jobs, artifacts }, done) => {
  app.route({
    method: ['GET', 'HEAD'],
    url: `/jobs/:id/artifacts/${artifact}`,
    schema: {
      operationId: 'getModel',
      summary: 'The trained weights',
      description: 'A safetensors file. Parameters are named as PyTorch names those of an `nn.Sequential` with the same layers.',
      tags: ['jobs'],
      params: jobParams,
      querystring: z.strictObject({}),
      headers: requestHeaders,
      response: {
        200: answer('The file.', 'application/octet-stream', z.unknown(), fileHeaders),
        206: answer('The part of the file that Range asks for.', 'application/octet-stream', z.unknown(), {
          ...fileHeaders,
          'Content-Range': { type: 'string', description: 'Which part: bytes FIRST-LAST/LENGTH.' },
        }),
        304: z.undefined().describe('The file is one that you have.'),
        ...problems(...guarded, 'notFound', 'rangeNotSatisfiable', 'invalidRequest'),
      },
    },
    handler: async (request, reply) => {
      const job = await visibleJob(jobs, request.params.id, request);
      const file = await artifacts.stat(job.id, artifact);
      if (file === null) throw notThereYet(job);

      const etag = `"${file.sha256}"`;
      void reply.headers({ etag, 'cache-control': 'private, no-cache', 'accept-ranges': 'bytes' });
      if (matchesETag(request.headers['if-none-match'], etag)) return reply.code(304).send();

      const range = request.method === 'GET' ? requestedRange(request.headers, file.bytes, etag) : 'whole';
      if (range === 'unsatisfiable') {
        throw new ProblemError('rangeNotSatisfiable', `The file has ${file.bytes} bytes.`, {
          headers: { 'content-range': `bytes */${file.bytes}` },
        });
      }
      const { first, last } = range === 'whole' ? { first: 0, last: file.bytes - 1 } : range;
      void reply.headers({
        'content-type': 'application/octet-stream',
        'content-disposition': `attachment; filename="${job.id}.safetensors"`,
      });
      if (range !== 'whole') void reply.code(206).header('content-range', `bytes ${first}-${last}/${file.bytes}`);
      void reply.header('content-length', last - first + 1);
      if (request.method === 'HEAD') return reply.send();
      return reply.send(await artifacts.open(job.id, artifact, range === 'whole' ? undefined : { start: first, end: last }));
    },
  });
  done();
};
