// Logs one line for each request after its end, with its request id, job id and caller. Headers and bodies are never logged. Also adds the
// request id to every response.
import { traceFields, EventLoopThrottle } from '@trainyard/jobs';
import fp from 'fastify-plugin';
import { pathOf, requestIdHeader } from '../http/requestIds.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The id of the job that the request is about. `null` until the job is found. */
    jobId: string | null;
  }
}

/** How many log lines of streams are written in one turn of the event loop. A thousand clients can leave at the same moment. */
const linesPerTurn = 16;

export const requestLog = fp((app, _options, done) => {
  const throttle = new EventLoopThrottle(linesPerTurn);
  app.decorateRequest('jobId', null);
  app.addHook('onRequest', (request, reply, next) => {
    void reply.header(requestIdHeader, request.id);
    // Read now: after the connection is closed, the request has no socket, and reading the address would throw.
    const address = request.ip;
    // 'close' follows every response, even if the client did not wait for it. fastify's onResponse does not.
    const write = (durationMs: number): void => {
      request.log.info(
        {
          method: request.method,
          path: pathOf(request.url),
          address,
          status: reply.statusCode,
          ...(reply.raw.writableFinished ? {} : { cutOff: true }),
          durationMs: Math.round(durationMs),
          ...traceFields(request.span ?? undefined),
          ...(request.jobId === null ? {} : { jobId: request.jobId }),
          ...(request.caller === null ? {} : { caller: request.caller.name }),
        },
        'request',
      );
    };
    reply.raw.once('close', () => {
      const { elapsedTime } = reply;
      if (request.routeOptions.config.isStream === true) void throttle.pass().then(() => write(elapsedTime));
      else write(elapsedTime);
    });
    next();
  });
  done();
});
