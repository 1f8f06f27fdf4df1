// The span of one attempt to send a webhook, `send webhook`, in the trace of the request that made the job. It tells the answer's status
// or what kind of error there was, never the address. Without tracing every call does nothing.
import { type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { contextOf, type DueWebhook, tracer } from '@trainyard/jobs';

/**
 * Runs an attempt in its span, which an error that it throws fails.
 * @param attempt is given what notes the status that a receiver answered with
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

/** The code of a system's error, such as ECONNREFUSED, else the error's name. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
