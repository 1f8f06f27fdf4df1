// The list of learning rate schedulers. A new scheduler needs a file next to this one and a line here.
import type { z } from 'zod';
import { type AnyOptions, parsed, registry } from '../registry.ts';
import { constant } from './constant.ts';
import { cosine } from './cosine.ts';
import { cosineWarmRestarts } from './cosineWarmRestarts.ts';
import type { RunConflict, RunOutline, SchedulerDefinition } from './define.ts';
import { exponential } from './exponential.ts';
import { linear } from './linear.ts';
import { multiStep } from './multiStep.ts';
import { oneCycle } from './oneCycle.ts';
import { polynomial } from './polynomial.ts';
import { reduceOnPlateau } from './reduceOnPlateau.ts';
import { step } from './step.ts';

export type { PlateauState, RunConflict, RunOutline } from './define.ts';

const schedulers = registry('scheduler', [
  step,
  multiStep,
  exponential,
  cosine,
  cosineWarmRestarts,
  linear,
  constant,
  polynomial,
  oneCycle,
  reduceOnPlateau,
]);

export const schedulerDefinitions: readonly SchedulerDefinition[] = schedulers.definitions;
/** The schema of the scheduler in a job spec. */
export const schedulerSchema = schedulers.schema;
/** The scheduler in a job spec, with its defaults filled in. */
export type SchedulerSpec = z.output<typeof schedulerSchema>;

/** Returns the definition of a scheduler. @throws ArgumentError for an unknown type; the message lists the known ones */
export function findScheduler(type: string): SchedulerDefinition {
  return schedulers.find(type);
}

/**
 * Returns the learning rate after `index` epochs (or steps, if the spec's `interval` is `step`). Only for a scheduler that follows no
 * metric; otherwise use a Schedule.
 * @param base the optimizer's learning rate
 * @throws ArgumentError for an invalid spec
 */
export function learningRateAt(spec: SchedulerSpec, base: number, index: number): number {
  const checked = parsed('learningRateAt', schedulerSchema, spec);
  return findScheduler(checked.type).rate(checked, base, index);
}

/** Returns the spec with the missing options that can be derived from the run. */
export function completeScheduler(spec: SchedulerSpec, run: RunOutline): SchedulerSpec {
  return schedulerSchema.parse({ ...spec, ...findScheduler(spec.type).complete(spec, run) });
}

/** Returns the spec without the options that {@link completeScheduler} adds for this run, so that it can be completed for another run. */
export function openScheduler(spec: SchedulerSpec, run: RunOutline): SchedulerSpec {
  const given = Object.entries(spec).filter(([name, value]) => {
    const rest: AnyOptions = Object.fromEntries(Object.entries(spec).filter(([other]) => other !== name));
    return findScheduler(spec.type).complete(rest, run)[name] !== value;
  });
  return schedulerSchema.parse(Object.fromEntries(given));
}

/** Returns the option that does not fit the run, or null if all options fit. */
export function schedulerConflict(spec: SchedulerSpec, run: RunOutline): RunConflict | null {
  return findScheduler(spec.type).conflict(spec, run);
}
