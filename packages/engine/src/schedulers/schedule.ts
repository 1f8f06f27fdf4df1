// The scheduler of a run: the learning rate and momentum of each step, and the state of a scheduler that follows a metric. A checkpoint
// stores the result of `state`.
import type { MetricName, MetricValues } from '../training/metricDefinitions.ts';
import type { PlateauState, SchedulerDefinition } from './define.ts';
import { checkNumber } from '../argumentChecks.ts';
import { parsed } from '../registry.ts';
import { findScheduler, schedulerSchema, type SchedulerSpec } from './index.ts';

/** The values that the optimizer gets before a step. */
export interface Rates {
  readonly learningRate: number;
  /** null: the momentum is not changed. */
  readonly momentum: number | null;
}

export class Schedule {
  readonly #spec: SchedulerSpec | undefined;
  readonly #definition: SchedulerDefinition | null;
  readonly #base: number;
  readonly #metric: MetricName | null;
  #state: PlateauState | null;
  /** The last result of `after`, and its index. All steps of an epoch have the same index, unless the scheduler counts steps. */
  #rates: Rates | null = null;
  #ratesAt = -1;

  /**
   * @param spec the spec of the scheduler, with all options; undefined for a constant learning rate
   * @param base the learning rate of the optimizer
   * @throws ArgumentError if the spec is invalid, or the learning rate is no number
   */
  constructor(spec: SchedulerSpec | undefined, base: number) {
    checkNumber('Schedule', base);
    const checked = spec === undefined ? undefined : parsed('Schedule', schedulerSchema, spec);
    this.#spec = checked;
    this.#base = base;
    this.#definition = checked === undefined ? null : findScheduler(checked.type);
    this.#metric = checked === undefined ? null : findScheduler(checked.type).metric(checked);
    this.#state = this.#metric !== null ? { rate: base, best: null, badEpochs: 0, cooldown: 0 } : null;
  }

  /** Returns the values after this number of epochs and this number of steps of all epochs. */
  after(epochs: number, steps: number): Rates {
    const index = this.#spec?.interval === 'step' ? steps : epochs;
    if (this.#rates === null || this.#ratesAt !== index) this.#rates = this.#ratesOf(index);
    this.#ratesAt = index;
    return this.#rates;
  }

  #ratesOf(index: number): Rates {
    if (this.#spec === undefined || this.#definition === null) return { learningRate: this.#base, momentum: null };
    return {
      learningRate: this.#state?.rate ?? this.#definition.rate(this.#spec, this.#base, index),
      momentum: this.#definition.momentum(this.#spec, index),
    };
  }

  /**
   * Updates the state of a scheduler that follows a metric.
   * @param metrics the metrics of the epoch. Metrics that the run does not have are null or missing
   */
  observe(metrics: MetricValues): void {
    if (this.#spec === undefined || this.#definition === null || this.#state === null || this.#metric === null) return;
    const value = metrics[this.#metric] ?? null;
    if (value !== null) this.#state = this.#definition.observe(this.#spec, this.#state, value);
    this.#rates = null;
  }

  /** Returns the state for a checkpoint; null if the scheduler follows no metric. */
  state(): PlateauState | null {
    return this.#state;
  }

  /** Restores the state of a checkpoint. */
  load(state: PlateauState | null): void {
    this.#state = state;
    this.#rates = null;
  }
}
