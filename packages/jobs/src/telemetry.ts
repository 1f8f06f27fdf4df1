// Traces: starts OpenTelemetry's SDK if the process's environment variables (OTEL_…) name a receiver of spans, and passes the trace of a request on
// through the job's record, as W3C's `traceparent`. Without the SDK, every call does nothing, and there is no traceparent. Metrics and logs do not
// use OpenTelemetry.
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

/** How long a stop waits for a receiver to take the last spans, in ms. */
const longestFlushMs = 2_000;

const namesReceiver = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER'] as const;

/** Whether the environment asks for spans: an endpoint or an exporter is named, and nothing switches them off. */
function isTraced(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER']?.trim() === 'none') return false;
  return namesReceiver.some((name) => (env[name] ?? '').trim() !== '');
}

/**
 * Begins to trace this process, if its environment asks for that.
 * @param service what spans call it where `OTEL_SERVICE_NAME` does not say: `trainyard-api`
 * @returns sends the spans that are left and ends the tracing; never later than in two seconds
 */
export async function openTelemetry(service: string): Promise<() => Promise<void>> {
  if (!isTraced(process.env)) return () => Promise.resolve();
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes({ 'service.name': service })),
    // Not the process's: its command line and paths are nobody's business.
    ...((process.env['OTEL_NODE_RESOURCE_DETECTORS'] ?? '') === '' && { resourceDetectors: [resources.envDetector] }),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    const late = new AbortController();
    // What could not be sent is told by the SDK, if OTEL_LOG_LEVEL asks for it.
    const sent = sdk.shutdown().catch(() => undefined);
    await Promise.race([sent, delay(longestFlushMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  };
}

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
