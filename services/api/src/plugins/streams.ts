// Keeps track of open event streams and ends them when the server stops. A client then reconnects with its last id, to this server or
// another. When many clients connect at once, as after a restart, they are accepted a few at a time, so that other requests are
// answered meanwhile. Other requests that are in progress at a stop get a moment to finish.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiKey, type ApiKeys, Turnstile } from '@trainyard/jobs';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { EventStream, retryLine, type StreamSource, type StreamTiming } from '../http/eventStream.ts';

/** How long requests that are being answered may hold up a stop, in ms. */
const longestDrainMs = 2000;

/** Requests for streams that are accepted in one turn of the event loop. */
const requestsPerTurn = 16;

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with an SSE stream of what the source yields. It ends with the source, the client or the server. */
    sendEvents(source: StreamSource): FastifyReply;
    /** Answers with a stream that ends at once. An EventSource then reconnects; an error status would stop it for good. */
    sendReconnect(reason: string): FastifyReply;
  }
  interface FastifyContextConfig {
    /** The route answers with event streams. */
    isStream?: boolean;
  }
}

const asStream = (reply: FastifyReply): FastifyReply =>
  reply.code(200).type('text/event-stream').headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });

/** Register it before plugins that do work for a request. */
export const streams = fp<StreamTiming & { keys: ApiKeys }>((app, { keys, ...timing }, done) => {
  /** Each open stream, with the API key of its client. */
  const streams = new Map<EventStream, ApiKey | null>();
  const turnstile = new Turnstile(requestsPerTurn);
  let answering = 0;
  let idle: (() => void) | undefined;

  app.addHook('onRequest', async (request, reply) => {
    answering += 1;
    reply.raw.once('close', () => {
      answering -= 1;
      if (answering === 0) idle?.();
    });
    if (request.routeOptions.config.isStream === true) await turnstile.pass();
  });

  app.decorateReply('sendEvents', function (source) {
    const stream = new EventStream(source, timing);
    streams.set(stream, this.request.caller);
    stream.once('close', () => streams.delete(stream));
    return asStream(this).send(stream);
  });

  app.decorateReply('sendReconnect', function (reason) {
    return asStream(this).send(`: ${reason}\n${retryLine}`);
  });

  // A client that reconnects needs a valid key.
  keys.onChange(() => {
    for (const [stream, key] of streams) if (key !== null && !keys.has(key)) stream.finish();
  });

  app.addHook('preClose', async () => {
    for (const stream of streams.keys()) stream.finish();
    if (answering === 0) return;
    const drained = new Promise<void>((resolve) => {
      idle = resolve;
    });
    const timeout = new AbortController();
    await Promise.race([drained, sleep(longestDrainMs, undefined, { signal: timeout.signal })]);
    timeout.abort();
  });
  done();
});
