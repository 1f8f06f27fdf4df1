// What goes from process to process of a trace: W3C's `traceparent`, in a job's record; and the span of putting a job into the queue.
// By OpenTelemetry's API alone: without an SDK every call does nothing, and no traceparent comes of it.
import {
  context,
  type Context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';

/** Of all spans of the services. */
export const tracer = trace.getTracer('trainyard');

/**
 * By which another process goes on with the trace of a span; undefined where nobody traces.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceparentOf(span: Span | undefined): string | undefined {
  const spanContext = span?.spanContext();
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}

/** The traceparent of the span in hand: in a request, of the request. */
export function currentTraceparent(): string | undefined {
  return traceparentOf(trace.getActiveSpan());
}

/** For spans that go on with the trace of a `traceparentOf`; with null they begin one. */
export function contextOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = flags === '01' ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** What log lines have of a span, left out the one in hand; nothing where nobody traces. */
export function traceFields(span: Span | undefined = trace.getActiveSpan()): { readonly trace_id?: string; readonly span_id?: string } {
  const spanContext = span?.spanContext();
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return {};
  return { trace_id: spanContext.traceId, span_id: spanContext.spanId };
}

/**
 * Runs `enqueue` in the span `queue job`, whose traceparent the job's record takes.
 * @param parent whose trace it belongs to; left out, that of the span in hand
 */
export async function inQueueSpan<T>(parent: string | undefined, enqueue: (span: Span) => Promise<T>): Promise<T> {
  const from = parent === undefined ? context.active() : contextOf(parent);
  return await tracer.startActiveSpan('queue job', { kind: SpanKind.PRODUCER }, from, async (span) => {
    try {
      return await enqueue(span);
    } catch (error) {
      const type = error instanceof Error ? error.name : 'unknown';
      span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR, message: type });
      throw error;
    } finally {
      span.end();
    }
  });
}
