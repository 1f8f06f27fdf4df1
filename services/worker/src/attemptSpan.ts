// The OpenTelemetry span `train job` of one attempt, in the trace of the request that created the job. It has a child span `epoch` for each
// stored epoch, an event for each phase and each checkpoint, and the outcome. If tracing is off, every call does nothing.
import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { EpochMetrics } from '@trainyard/contracts';
import { type Claim, contextOf, traceFields, tracer } from '@trainyard/jobs';
import type { ReportedEvent } from './messages.ts';

type Claimed = Pick<Extract<Claim, { outcome: 'claimed' }>, 'attempt' | 'spec' | 'traceparent'>;

export class AttemptSpan {
  /** The trace fields for the log lines of the attempt. Empty if the job is not traced. */
  readonly logFields: ReturnType<typeof traceFields>;
  readonly #span: Span;
  readonly #context: Context;
  /** The end of the last recorded epoch, in ms since 1970. */
  #lastEnd = 0;
  #outcome = 'lost';

  constructor({ attempt, spec, traceparent }: Claimed, worker: string) {
    const from = contextOf(traceparent);
    this.#span = tracer.startSpan(
      'train job',
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'trainyard.job.id': attempt.jobId,
          'trainyard.job.attempt': attempt.number,
          'trainyard.job.epochs': spec.epochs,
          'trainyard.worker': worker,
          ...layerCounts(spec.model.layers),
        },
      },
      from,
    );
    this.#context = trace.setSpan(from, this.#span);
    this.logFields = traceFields(this.#span);
  }

  /** Records stored events. Their last epoch ends at `now` (ms since 1970). Every other epoch ends when the next epoch begins. */
  record(events: readonly ReportedEvent[], now: number): void {
    if (!this.#span.isRecording()) return;
    for (const event of events) {
      if (event.type === 'phase') this.#span.addEvent('phase', { 'trainyard.phase': event.phase });
      if (event.type === 'checkpoint') {
        this.#span.addEvent('checkpoint', { 'trainyard.epoch': event.epoch, 'trainyard.step': event.step, 'trainyard.bytes': event.bytes });
      }
    }
    const epochs = events.filter((event) => event.type === 'epoch');
    let end = now;
    const ends = epochs.toReversed().map(({ seconds }) => {
      const ended = Math.max(end, this.#lastEnd);
      end -= seconds * 1_000;
      return ended;
    });
    for (const [index, epoch] of epochs.entries()) this.#recordEpoch(epoch, ends.at(-1 - index) ?? now);
  }

  /** Sets the outcome. For errors call `failed`. @param outcome the final status of the job, or the result of releasing it */
  ended(outcome: string): void {
    this.#outcome = outcome;
  }

  /** Marks the span as failed. @param code of the error. The message is not recorded, because it may contain data of the job */
  failed(code: string): void {
    this.#outcome = 'failed';
    this.#span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR, message: code });
  }

  end(): void {
    this.#span.setAttribute('trainyard.outcome', this.#outcome).end();
  }

  #recordEpoch(metrics: EpochMetrics, end: number): void {
    const startTime = Math.min(end, Math.max(end - metrics.seconds * 1_000, this.#lastEnd));
    this.#lastEnd = end;
    tracer.startSpan('epoch', { startTime, attributes: epochAttributes(metrics) }, this.#context).end(end);
  }
}

function epochAttributes({ epoch, trainLoss, testLoss, testAccuracy, samplesPerSecond }: EpochMetrics): Attributes {
  return {
    'trainyard.epoch': epoch,
    ...(trainLoss !== null && { 'trainyard.train_loss': trainLoss }),
    ...(testLoss !== null && { 'trainyard.test_loss': testLoss }),
    ...(testAccuracy !== null && { 'trainyard.test_accuracy': testAccuracy }),
    'trainyard.samples_per_second': samplesPerSecond,
  };
}

/** How many layers of each type the model has: `trainyard.layers.conv2d` is 2. */
function layerCounts(layers: readonly { readonly type: string }[]): Attributes {
  const counts: Record<string, number> = {};
  for (const { type } of layers) counts[`trainyard.layers.${type}`] = (counts[`trainyard.layers.${type}`] ?? 0) + 1;
  return counts;
}
