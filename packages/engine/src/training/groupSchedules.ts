// The schedules of a run: one for the optimizer's own learning rate, and one for each of its groups. As in PyTorch, a scheduler applies the
// same factors to the learning rate of each group.
import type { PlateauState } from '../schedulers/index.ts';
import { type Rates, Schedule } from '../schedulers/schedule.ts';
import { optionsOfGroups } from '../optim/index.ts';
import type { JobSpec } from './jobSpec.ts';
import type { GroupedOptimizer } from './parameterGroups.ts';

/** The states of schedules that follow a metric, as a checkpoint stores them. */
export interface SavedSchedules {
  /** The state of the optimizer's own schedule. Null if the scheduler follows no metric. */
  readonly schedule: PlateauState | null;
  /** The states of the groups. Absent if there are no groups, or the scheduler follows no metric. */
  readonly groupSchedules?: PlateauState[] | undefined;
}

export class GroupSchedules {
  /** The schedule of the optimizer's own options, then those of its groups. */
  readonly #schedules: readonly Schedule[];
  readonly #bases: readonly number[];
  /** The optimizer's own learning rate in the last step; before the first step, the one of the spec. */
  learningRate: number;

  constructor({ scheduler, optimizer }: Pick<JobSpec, 'scheduler' | 'optimizer'>) {
    this.#bases = optionsOfGroups(optimizer).map(({ learningRate }) => learningRate);
    this.#schedules = this.#bases.map((base) => new Schedule(scheduler, base));
    this.learningRate = optimizer.learningRate;
  }

  /** Returns the optimizer's own values after this number of epochs and this number of steps of all epochs. */
  after(epochs: number, steps: number): Rates {
    return this.#schedules[0].after(epochs, steps);
  }

  /** Sets the values of all groups for the next step. */
  apply({ groups }: GroupedOptimizer, epochs: number, steps: number): void {
    this.learningRate = this.after(epochs, steps).learningRate;
    for (let i = 0; i < groups.length; i++) {
      const optimizer = groups[i];
      if (optimizer === null) continue;
      const { learningRate, momentum } = this.#schedules[i].after(epochs, steps);
      optimizer.learningRate = learningRate;
      if (momentum !== null) optimizer.momentum = momentum;
    }
  }

  /** Updates the states of schedulers that follow a metric. */
  observe(metrics: Parameters<Schedule['observe']>[0]): void {
    for (const schedule of this.#schedules) schedule.observe(metrics);
  }

  state(): SavedSchedules {
    const [schedule, ...others] = this.#schedules.map((each) => each.state());
    const groupSchedules = others.filter((state) => state !== null);
    return { schedule, ...(groupSchedules.length > 0 && { groupSchedules }) };
  }

  /** Restores the states of a checkpoint. Groups that the checkpoint does not have begin with their own learning rate. */
  load({ schedule, groupSchedules = [] }: SavedSchedules): void {
    const isSame = groupSchedules.length === this.#schedules.length - 1;
    this.#schedules.forEach((each, i) => {
      if (i === 0 || schedule === null) each.load(schedule);
      else each.load(isSame ? groupSchedules[i - 1] : { ...schedule, rate: this.#bases[i] });
    });
  }
}
