// The OpenTelemetry span `send webhook` of one attempt, in the trace of the request that created the job. It contains the status of the
// response or the kind of the error, but never the address. Without tracing, it has no effect.
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { contextOf, type DueWebhook, tracer } from '@trainyard/jobs';

/**
 * Runs an attempt in a span. An error of the attempt marks the span as failed.
 * @param attempt makes the attempt. It calls `noteStatus` with the status of the receiver's response
 */
export async function inSendSpan(
  { traceparent, message }: DueWebhook,
  number: number,
  attempt: (noteStatus: (status: number) => void) => Promise<void>,
): Promise<void> {
  const attributes = { 'trainyard.job.id': message.data.id, 'trainyard.webhook.attempt': number };
  await tracer.startActiveSpan('send webhook', { kind: SpanKind.CLIENT, attributes }, contextOf(traceparent), async (span) => {
    let answered: number | null = null;
    try {
      await attempt((status) => {
        answered = status;
        span.setAttribute('http.response.status_code', status);
        if (status < 200 || status >= 300) fail(span, String(status));
      });
    } catch (error) {
      if (answered === null) fail(span, kindOf(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR, message: type });
}

/** Returns the code of an error, such as ECONNREFUSED, or the name of the error if it has no code. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
