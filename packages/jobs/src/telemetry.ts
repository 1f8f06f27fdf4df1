// Traces: starts OpenTelemetry's SDK if the process's environment variables (OTEL_…) name a receiver of spans, and passes the trace of a
// request on through the job's record, as W3C's `traceparent`. Without the SDK, every call does nothing, and there is no traceparent.
// Metrics and logs do not use OpenTelemetry.
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

/** Whether the environment turns tracing on: it names an endpoint or an exporter, and does not disable the SDK. */
function isTraced(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER']?.trim() === 'none') return false;
  return namesReceiver.some((name) => (env[name] ?? '').trim() !== '');
}

/**
 * Begins to trace this process if its environment turns tracing on.
 * @param service the name of the service, such as `trainyard-api`. `OTEL_SERVICE_NAME` replaces it
 * @returns a function that sends the remaining spans and ends the tracing, within two seconds
 */
export async function openTelemetry(service: string): Promise<() => Promise<void>> {
  if (!isTraced(process.env)) return () => Promise.resolve();
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes({ 'service.name': service })),
    // Without the detector of process attributes, because they contain the command line and paths.
    ...((process.env['OTEL_NODE_RESOURCE_DETECTORS'] ?? '') === '' && { resourceDetectors: [resources.envDetector] }),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    const late = new AbortController();
    // The SDK logs what it could not send, if OTEL_LOG_LEVEL is set.
    const sent = sdk.shutdown().catch(() => undefined);
    await Promise.race([sent, delay(longestFlushMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  };
}

/** The tracer of all spans of the services. */
export const tracer = trace.getTracer('trainyard');

/**
 * Returns the `traceparent` with which another process continues the trace of a span; undefined without tracing.
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function traceparentOf(span: Span | undefined): string | undefined {
  const spanContext = span?.spanContext();
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}

/** Returns the traceparent of the active span. While a request is handled, this is the span of the request. */
export function currentTraceparent(): string | undefined {
  return traceparentOf(trace.getActiveSpan());
}

/** Returns a context for spans that continue the trace of this traceparent. With null, they begin a new trace. */
export function contextOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = flags === '01' ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Returns the fields of log lines for a span; default: the active one. Empty without tracing. */
export function traceFields(span: Span | undefined = trace.getActiveSpan()): { readonly trace_id?: string; readonly span_id?: string } {
  const spanContext = span?.spanContext();
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return {};
  return { trace_id: spanContext.traceId, span_id: spanContext.spanId };
}

/**
 * Runs `enqueue` in the span `queue job`. The job's record gets the traceparent of this span.
 * @param parent the traceparent of the trace that the span belongs to. Default: the traceparent of the active span
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
