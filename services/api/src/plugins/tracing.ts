// A span for each request, in the trace that its `traceparent` header names or in one of its own; what the handler does belongs to it.
// It tells the route, never the path, a header or a body. Without tracing it does nothing.
import { context, propagation, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { tracer } from '@trainyard/jobs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { pathPatternOf } from './methodNotAllowed.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where nobody traces, and for what is asked every few seconds by those who watch. */
    span: Span | null;
  }
}

const watched: ReadonlySet<string | undefined> = new Set(['/health/live', '/health/ready', '/metrics']);

/** To be registered before everything that logs. */
export const tracing = fp((app, _options, done) => {
  app.decorateRequest('span', null);
  app.addHook('onRequest', (request, reply, next) => {
    if (watched.has(pathPatternOf(request))) return next();
    const span = begin(request);
    if (!span.isRecording() && !trace.isSpanContextValid(span.spanContext())) return next();
    request.span = span;
    reply.raw.once('close', () => end(span, request, reply));
    context.with(trace.setSpan(ROOT_CONTEXT, span), next);
  });
  // The body came from the socket, which knows of no request.
  app.addHook('preValidation', (request, _reply, next) => {
    if (request.span === null) next();
    else context.with(trace.setSpan(ROOT_CONTEXT, request.span), next);
  });
  done();
});

function begin(request: FastifyRequest): Span {
  const { method, headers } = request;
  const url = pathPatternOf(request);
  const from = propagation.extract(ROOT_CONTEXT, headers);
  const attributes = { 'http.request.method': method, ...(url !== undefined && { 'http.route': url }) };
  return tracer.startSpan(url === undefined ? method : `${method} ${url}`, { kind: SpanKind.SERVER, attributes }, from);
}

function end(span: Span, { jobId }: FastifyRequest, { raw, statusCode }: FastifyReply): void {
  span.setAttribute('http.response.status_code', statusCode);
  if (jobId !== null) span.setAttribute('trainyard.job.id', jobId);
  const error = statusCode >= 500 ? String(statusCode) : raw.writableFinished ? null : 'cutOff';
  if (error !== null) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
