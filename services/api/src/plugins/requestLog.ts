// One log line for each request, when it is over, with its request id, job id and caller; it also puts the request id
// on every answer and counts the requests that are still open. It never logs headers or bodies.
import { traceFields } from '@trainyard/jobs';
import fp from 'fastify-plugin';
import { pathOf, requestIdHeader } from '../http/requestIds.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The job that the request is about, once it is known. */
    jobId: string | null;
  }
}

export const requestLog = fp((app, _options, done) => {
  app.decorateRequest('jobId', null);
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header(requestIdHeader, request.id);
    // Once the connection is closed, a request has lost its socket, and reading the address would throw.
    const address = request.ip;
    // 'close' comes after every answer, also after one that the client did not wait for; fastify's onResponse does not.
    reply.raw.once('close', () => {
      request.log.info(
        {
          method: request.method,
          path: pathOf(request.url),
          address,
          status: reply.statusCode,
          ...(reply.raw.writableFinished ? {} : { cutOff: true }),
          durationMs: Math.round(reply.elapsedTime),
          ...traceFields(request.span ?? undefined),
          ...(request.jobId === null ? {} : { jobId: request.jobId }),
          ...(request.caller === null ? {} : { caller: request.caller.name }),
        },
        'request',
      );
    });
    next();
  });
  done();
});
