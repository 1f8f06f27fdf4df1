// Limits the time in which a request must arrive, so that a client cannot hold a connection by sending one byte a second. Node has only one
// limit for all requests, and an upload may take an hour, so the short limit is enforced here. An upload must have a minimum speed instead.
// If the response is sent before the body has arrived, the connection is closed.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { closeAfterAnswer, isStillSending } from '../http/lingeringClose.ts';
import { ProblemError } from '../problems.ts';
import { sendProblem } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the body may be large. Such a body may take longer to arrive, but must keep the minimum speed. */
    mayArriveSlowly?: boolean;
  }
}

export interface ArrivalOptions {
  /** How long a request may take to arrive, in ms. The speed of an upload is measured over the same time. */
  readonly timeoutMs: number;
}

/** The minimum speed of an upload, in bytes per second: less than a modem sends. */
const LOWEST_SPEED = 1_000;

/** Answers 408 to a request whose body does not arrive. */
function giveUp(request: FastifyRequest, reply: FastifyReply, detail: string): void {
  // Ends the request after the response, so that the code that reads the body gets an error.
  reply.raw.once('finish', () => request.raw.destroy());
  sendProblem(new ProblemError('requestTimeout', detail, { headers: { connection: 'close' } }), request, reply);
}

export const arrival = fp<ArrivalOptions>((app, { timeoutMs }, done) => {
  const seconds = timeoutMs / 1_000;
  // When a request is given up, a handler that still reads its body fails after the response was sent. Fastify would log that as an error
  // of the server.
  app.addHook('onRoute', (route) => {
    if (route.config?.mayArriveSlowly !== true) return;
    const { handler } = route;
    route.handler = async function readToTheEnd(request, reply): Promise<unknown> {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        if (!reply.sent) throw error;
        request.log.info({ err: error }, 'the upload ended after its response');
        return reply;
      }
    };
  });
  app.addHook('onRequest', (request, reply, next) => {
    const { raw } = request;
    const isUpload = request.routeOptions.config.mayArriveSlowly === true;
    // Kept here, because a request loses its socket when the connection is closed.
    const { socket } = raw;
    let seenBytes = socket.bytesRead;
    const look = (): void => {
      // Also checks `readableEnded`, because a request that a test injects has no connection and is never `complete`.
      if (raw.complete || raw.readableEnded || reply.sent) return;
      if (!isUpload) return giveUp(request, reply, `The request did not arrive within ${seconds} s.`);
      if (socket.bytesRead - seenBytes < LOWEST_SPEED * seconds)
        return giveUp(request, reply, `The upload arrives too slowly: less than ${LOWEST_SPEED} bytes a second for ${seconds} s.`);
      seenBytes = socket.bytesRead;
      timer.refresh();
    };
    const timer = setTimeout(look, timeoutMs);
    reply.raw.once('close', () => clearTimeout(timer));
    next();
  });

  app.addHook('onSend', async (request, reply) => {
    if (!isStillSending(request)) return;
    // A small body that arrived together with its headers is read during this turn of the event loop.
    await nextTurn();
    if (isStillSending(request)) closeAfterAnswer(reply);
  });
  done();
});
