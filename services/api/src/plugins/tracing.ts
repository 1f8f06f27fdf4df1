// Creates an OpenTelemetry span for each request, in the trace of its `traceparent` header or in a new trace. Spans of the handler are its
// children. The span contains the route, but never the path, headers or a body. Without tracing, this plugin has no effect.
import { context, propagation, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { tracer } from '@trainyard/jobs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { pathPatternOf } from './methodNotAllowed.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The span of the request. `null` without tracing, and for health checks and metrics, which are requested every few seconds. */
    span: Span | null;
  }
}

const watched: ReadonlySet<string | undefined> = new Set(['/health/live', '/health/ready', '/metrics']);

/** Register this plugin before plugins that log, because log lines contain the ids of the trace. */
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
  // Sets the span again, because the context is lost while the body is read from the socket.
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
