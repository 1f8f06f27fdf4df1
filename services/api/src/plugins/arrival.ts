// How long a request may take to arrive. Node knows one limit for all of them, and an upload may take an hour; so the short one,
// which keeps clients that send a byte a second from holding connections, is ours. An upload has a lowest speed instead. When a request is
// answered before its body has arrived, its connection is closed.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { closeAfterAnswer, isStillSending } from '../http/lingeringClose.ts';
import { ProblemError } from '../problems.ts';
import { sendProblem } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may be large: it may take longer, as long as it comes at the lowest speed. */
    mayArriveSlowly?: boolean;
  }
}

export interface ArrivalOptions {
  /** For a request, in ms. The speed of an upload is measured over the same time. */
  readonly timeoutMs: number;
}

/** Bytes a second that must arrive of an upload: less than a modem sends. */
const LOWEST_SPEED = 1_000;

/** Answers a request whose body does not come. */
function giveUp(request: FastifyRequest, reply: FastifyReply, detail: string): void {
  // Whoever reads the body learns that no more will come.
  reply.raw.once('finish', () => request.raw.destroy());
  sendProblem(new ProblemError('requestTimeout', detail, { headers: { connection: 'close' } }), request, reply);
}

export const arrival = fp<ArrivalOptions>((app, { timeoutMs }, done) => {
  const seconds = timeoutMs / 1_000;
  // A handler that still reads a body when its request is given up fails, after the answer. Fastify would log that as a fault of ours.
  app.addHook('onRoute', (route) => {
    if (route.config?.mayArriveSlowly !== true) return;
    const { handler } = route;
    route.handler = async function readToTheEnd(request, reply): Promise<unknown> {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        if (!reply.sent) throw error;
        request.log.info({ err: error }, 'the upload ended after its answer');
        return reply;
      }
    };
  });
  app.addHook('onRequest', (request, reply, next) => {
    const { raw } = request;
    const isUpload = request.routeOptions.config.mayArriveSlowly === true;
    // Kept, because a request loses its socket when the connection is closed.
    const { socket } = raw;
    let seenBytes = socket.bytesRead;
    const look = (): void => {
      if (raw.complete || reply.sent) return;
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
    // A small body that came together with its head is read in this turn.
    await nextTurn();
    if (isStillSending(request)) closeAfterAnswer(reply);
  });
  done();
});
