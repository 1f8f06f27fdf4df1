// A job's scheduler at work: the rate and the momentum of each step, and the state of one that follows a metric. The only
// thing here that remembers; a checkpoint holds what `state` gives.
import type { FollowedMetric, PlateauState, SchedulerDefinition } from './define.ts';
import { checkNumber } from '../argumentChecks.ts';
import { parsed } from '../registry.ts';
import { findScheduler, schedulerSchema, type SchedulerSpec } from './index.ts';

/** What an optimizer is set to before a step. */
export interface Rates {
  readonly learningRate: number;
  /** null: as it is. */
  readonly momentum: number | null;
}

export class Schedule {
  readonly #spec: SchedulerSpec | undefined;
  readonly #definition: SchedulerDefinition | null;
  readonly #base: number;
  readonly #metric: FollowedMetric | null;
  #state: PlateauState | null;
  /** What was in force last, and when: an epoch's steps have it in common unless steps are counted. */
  #rates: Rates | null = null;
  #ratesAt = -1;

  /**
   * @param spec completed for its run; undefined for a rate that stays.
   * @param base the optimizer's learning rate.
   * @throws ArgumentError for a spec that is none, and a rate that is no number.
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

  /** What is in force after so many epochs and, over all epochs, steps. */
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

  /** Tells an epoch's metrics to a scheduler that follows one; null is a metric that there is none of. */
  observe(metrics: Readonly<Record<FollowedMetric, number | null>>): void {
    if (this.#spec === undefined || this.#definition === null || this.#state === null || this.#metric === null) return;
    const value = metrics[this.#metric];
    if (value !== null) this.#state = this.#definition.observe(this.#spec, this.#state, value);
    this.#rates = null;
  }

  /** What a checkpoint has to hold: null for a scheduler that only counts. */
  state(): PlateauState | null {
    return this.#state;
  }

  load(state: PlateauState | null): void {
    this.#state = state;
    this.#rates = null;
  }
}
