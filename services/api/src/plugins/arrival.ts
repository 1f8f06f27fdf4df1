// How long a request may take to arrive. Node knows one limit for all of them, and an upload may take an hour; so the short one,
// which keeps clients that send a byte a second from holding connections, is ours.
import fp from 'fastify-plugin';
import { ProblemError } from '../problems.ts';
import { sendProblem } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may be large, and the route itself looks whether it still comes. */
    mayArriveSlowly?: boolean;
  }
}

export interface ArrivalOptions {
  /** For the bytes of any other request, in ms. */
  readonly timeoutMs: number;
}

export const arrival = fp<ArrivalOptions>((app, { timeoutMs }, done) => {
  app.addHook('onRequest', (request, reply, next) => {
    const { raw, routeOptions } = request;
    const hasBody = raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
    if (hasBody && routeOptions.config.mayArriveSlowly !== true) {
      const timer = setTimeout(() => {
        if (raw.complete || reply.sent) return;
        const problem = new ProblemError('requestTimeout', `The request did not arrive within ${timeoutMs / 1_000} s.`, {
          headers: { connection: 'close' },
        });
        sendProblem(problem, request, reply);
      }, timeoutMs);
      raw.once('close', () => clearTimeout(timer));
      reply.raw.once('close', () => clearTimeout(timer));
    }
    next();
  });
  done();
});
