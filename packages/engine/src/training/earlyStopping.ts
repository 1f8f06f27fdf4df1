// Decides after each epoch whether to end a run because a metric no longer gets better. The trainer then ends the run.
import { z } from 'zod';
import type { DatasetDescription } from '../data/define.ts';
import type { Problem } from '../errors.ts';
import { goalOf, metricConflict, metricName, type MetricValues } from './metricDefinitions.ts';

export const earlyStoppingSchema = z
  .strictObject({
    metric: metricName.default('testLoss').describe('The metric that must improve'),
    patience: z.int().min(1).default(3).describe('The number of consecutive epochs without a new best value after which the run ends'),
    minDelta: z.number().min(0).default(0).describe('A new best value must be better than the old one by more than this'),
  })
  .describe('Ends the run when a metric no longer improves. The job has then succeeded, with the last weights');

type EarlyStoppingSpec = z.output<typeof earlyStoppingSchema>;

/** The metrics that can be watched, as measured in one epoch. */
type WatchedMetrics = { readonly epoch: number } & MetricValues;

/** The state between epochs. It is stored in checkpoints. */
export const earlyStoppingStateSchema = z.strictObject({
  /** The best epoch so far, or null before the first epoch with a finite value. */
  best: z.strictObject({ epoch: z.int().min(1), value: z.number() }).nullable(),
  /** The number of epochs since the best one, or since the start. */
  waited: z.int().min(0),
});
export type EarlyStoppingState = z.output<typeof earlyStoppingStateSchema>;

export class EarlyStopping {
  readonly #spec: EarlyStoppingSpec;
  state: EarlyStoppingState;

  /** @param state the stored state, if the run is resumed */
  constructor(spec: EarlyStoppingSpec, state: EarlyStoppingState = { best: null, waited: 0 }) {
    this.#spec = spec;
    this.state = state;
  }

  /**
   * Adds the metrics of an epoch and returns whether the run ends after it. A value that is not finite does not count as an improvement.
   */
  ends(metrics: WatchedMetrics): boolean {
    const value = metrics[this.#spec.metric] ?? null;
    const { best, waited } = this.state;
    if (value !== null && (best === null || this.#gain(value, best.value) > this.#spec.minDelta)) {
      this.state = { best: { epoch: metrics.epoch, value }, waited: 0 };
    } else {
      this.state = { best, waited: waited + 1 };
    }
    return this.state.waited >= this.#spec.patience;
  }

  /** Returns the entry in the run's summary, if the run ended early after `epoch`. */
  summary(epoch: number): StoppedEarly {
    const { best } = this.state;
    return { epoch, metric: this.#spec.metric, bestEpoch: best?.epoch ?? null, best: best?.value ?? null };
  }

  #gain(value: number, best: number): number {
    return goalOf(this.#spec.metric) === 'maximize' ? value - best : best - value;
  }
}

export const stoppedEarlySchema = z.object({
  epoch: z.int().min(1).describe('The last epoch that was trained'),
  metric: earlyStoppingSchema.shape.metric.unwrap(),
  bestEpoch: z.int().min(1).nullable(),
  best: z.number().nullable().describe('The best value of the metric. Null if no value was finite'),
});
export type StoppedEarly = z.infer<typeof stoppedEarlySchema>;

/** Returns the log message about the early stop. */
export function describeStop({ epoch, metric, bestEpoch, best }: StoppedEarly): string {
  const seen = best === null ? 'was never a finite number' : `was best in epoch ${bestEpoch} with ${best}`;
  return `stopped early after epoch ${epoch}: ${metric} ${seen}`;
}

/** Returns a problem if the metric cannot be measured on this data. */
export function earlyStoppingProblems({ metric }: EarlyStoppingSpec, data: DatasetDescription): Problem[] {
  const message = metricConflict(metric, data);
  return message === null ? [] : [{ path: '/earlyStopping/metric', message, code: 'invalidValue' }];
}
