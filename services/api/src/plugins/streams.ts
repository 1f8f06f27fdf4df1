// Keeps the event streams that are open and ends them when the server stops: a client then comes back with its last
// id, to this server or another. Requests that are only being answered get a moment to finish.
import { setTimeout as sleep } from 'node:timers/promises';
import fp from 'fastify-plugin';
import { EventStream, type ServerSentEvent } from '../http/eventStream.ts';

/** How long requests that are being answered may hold up a stop, in ms. */
const longestDrainMs = 2000;

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with the events that `follow` yields, as an SSE stream that ends with them, with the client or with the server. */
    sendEvents(follow: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>): FastifyReply;
  }
}

export const streams = fp<{ heartbeatMs: number }>((app, { heartbeatMs }, done) => {
  const streams = new Set<EventStream>();
  let answering = 0;
  let idle: (() => void) | undefined;

  app.addHook('onRequest', (_request, reply, next) => {
    answering += 1;
    reply.raw.once('close', () => {
      answering -= 1;
      if (answering === 0) idle?.();
    });
    next();
  });

  app.decorateReply('sendEvents', function (follow) {
    const stream = new EventStream(follow, heartbeatMs);
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    return this.code(200)
      .type('text/event-stream')
      .headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
      .send(stream);
  });

  app.addHook('preClose', async () => {
    for (const stream of streams) stream.finish();
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
