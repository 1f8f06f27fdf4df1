// The one list of learning rate schedulers. A new scheduler is one file beside this one and one line here.
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
/** Any one scheduler of a job spec. */
export const schedulerSchema = schedulers.schema;
/** A scheduler of a job spec with its defaults filled in. */
export type SchedulerSpec = z.output<typeof schedulerSchema>;

/** @throws ArgumentError that lists the known schedulers for an unknown one. */
export function findScheduler(type: string): SchedulerDefinition {
  return schedulers.find(type);
}

/**
 * The learning rate in force after `index` epochs (or steps, as the spec's `interval` says); 0 in the first. For a
 * scheduler that counts; one that follows a metric needs a Schedule.
 * @param base the optimizer's learning rate. @throws ArgumentError for a spec that is none.
 */
export function learningRateAt(spec: SchedulerSpec, base: number, index: number): number {
  const checked = parsed('learningRateAt', schedulerSchema, spec);
  return findScheduler(checked.type).rate(checked, base, index);
}

/** The spec with what follows from its run filled in. */
export function completeScheduler(spec: SchedulerSpec, run: RunOutline): SchedulerSpec {
  return schedulerSchema.parse({ ...spec, ...findScheduler(spec.type).complete(spec, run) });
}

/** The spec without what {@link completeScheduler} fills in for this run, so that it can be completed for another one. */
export function openScheduler(spec: SchedulerSpec, run: RunOutline): SchedulerSpec {
  const given = Object.entries(spec).filter(([name, value]) => {
    const rest: AnyOptions = Object.fromEntries(Object.entries(spec).filter(([other]) => other !== name));
    return findScheduler(spec.type).complete(rest, run)[name] !== value;
  });
  return schedulerSchema.parse(Object.fromEntries(given));
}

/** What of a scheduler does not fit its run; null when all does. */
export function schedulerConflict(spec: SchedulerSpec, run: RunOutline): RunConflict | null {
  return findScheduler(spec.type).conflict(spec, run);
}
