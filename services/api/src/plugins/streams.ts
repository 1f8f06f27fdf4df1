// Keeps track of open event streams and ends them when the server stops. A client then reconnects with its last id, to this server or
// another. When many clients connect at once, for example after a restart, a few are accepted at a time, so that other requests are
// handled in between. Other requests that are in progress when the server stops get two seconds to finish.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiKey, type ApiKeys, EventLoopThrottle } from '@trainyard/jobs';
import type { FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { EventStream, retryLine, type StreamSource, type StreamTiming } from '../http/eventStream.ts';
import { ProblemError } from '../problems.ts';

/** How long requests in progress may delay a stop, in ms. */
const longestDrainMs = 2000;

/** How many requests for streams are accepted in one turn of the event loop. */
const requestsPerTurn = 8;

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Answers with the data of a source as an SSE stream, which ends when the source ends, the client leaves or the server stops.
     * @throws ProblemError 429 if the caller's key already has the most streams that are allowed
     */
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

export interface StreamsOptions extends StreamTiming {
  readonly keys: ApiKeys;
  /** How many streams one API key may have open. Without API keys there is no limit. */
  readonly streamsPerKey: number;
}

/** Register this plugin before plugins that do work for a request, so that requests for streams wait before that work. */
export const streams = fp<StreamsOptions>((app, { keys, streamsPerKey, ...timing }, done) => {
  /** Each open stream, with the API key of its client. */
  const streams = new Map<EventStream, ApiKey | null>();
  /** How many streams each API key has, by its name. A key without streams is absent. */
  const counts = new Map<string, number>();
  const throttle = new EventLoopThrottle(requestsPerTurn);
  let answering = 0;
  let idle: (() => void) | undefined;

  app.addHook('onRequest', async (request, reply) => {
    answering += 1;
    let hasLeft = false;
    reply.raw.once('close', () => {
      hasLeft = true;
      answering -= 1;
      if (answering === 0) idle?.();
    });
    if (request.routeOptions.config.isStream !== true) return;
    await throttle.pass();
    // The client has left: nobody needs a response, and the request no longer has an address.
    if (hasLeft) return reply.hijack();
  });

  const count = (name: string, change: 1 | -1): void => {
    const open = (counts.get(name) ?? 0) + change;
    if (open > 0) counts.set(name, open);
    else counts.delete(name);
  };

  app.decorateReply('sendEvents', function (source) {
    const { caller } = this.request;
    const name = caller?.name ?? '';
    if (keys.current.length > 0 && (counts.get(name) ?? 0) >= streamsPerKey) {
      const detail = `This key has ${streamsPerKey} open event streams, which is the limit. Close some of them.`;
      throw new ProblemError('tooManyRequests', detail, { headers: { 'retry-after': '5' } });
    }
    const stream = new EventStream(source, timing);
    streams.set(stream, caller);
    count(name, 1);
    stream.once('close', () => {
      streams.delete(stream);
      count(name, -1);
    });
    return asStream(this).send(stream);
  });

  app.decorateReply('sendReconnect', function (reason) {
    return asStream(this).send(`: ${reason}\n${retryLine}`);
  });

  // The streams of a removed key end. To reconnect, a client needs a valid key.
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
