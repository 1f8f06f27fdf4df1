// The plan of a sweep, which never changes, and the format of the plan in Redis. Also upgrades a record of version 0.1.0, which stored the
// whole specs of all trials in one field.
import type { SweepGoal, SweepSpace, SweepStrategy } from '@trainyard/contracts';
import type { JobSpec, MetricName } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import { givingWay } from '../pacing.ts';
import type { RedisKeys } from '../redis/keys.ts';
import { upgradeSweep } from '../scripts/sweeps.ts';
import { type Change, changesBetween, type TrialValues } from './space.ts';

/** One trial of a sweep: how its spec differs from the base spec. */
export interface PlannedTrial {
  readonly values: TrialValues;
  /** The changes that turn the base spec into the trial's spec. */
  readonly changes: readonly Change[];
  /** The epochs of the trial's whole spec. */
  readonly epochs: number;
  /** The size of the trial's whole spec as JSON, in bytes. */
  readonly specBytes: number;
}

/** The parts of a sweep that never change. */
export interface SweepPlan {
  readonly owner: string;
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The base spec, with its defaults filled in. */
  readonly spec: JobSpec;
  readonly space: SweepSpace;
  readonly strategy: SweepStrategy;
  readonly metric: MetricName;
  readonly goal: SweepGoal;
  readonly seed: number;
  /** The trace of the request that created the sweep. Its jobs continue this trace. */
  readonly traceparent?: string;
  readonly trials: readonly PlannedTrial[];
}

/** The content of the field `plan` in version 0.1.0. */
export type FormerPlan = Omit<SweepPlan, 'trials'>;

interface SweepFields {
  /** The fields of the record (`RedisKeys.sweep`), each followed by its value. */
  readonly record: readonly string[];
  /** The fields of the hash with the specs (`RedisKeys.sweepTrials`), each followed by its value. */
  readonly trials: readonly string[];
  /** The total size of all values in `record` and `trials`, in bytes. */
  readonly bytes: number;
}

/** Returns the fields of a new sweep. */
export function fieldsOf({ spec, trials, ...head }: SweepPlan): SweepFields {
  const record = ['head', JSON.stringify(head), 'epochs', JSON.stringify(trials.map(({ epochs }) => epochs))];
  const texts = trials.flatMap((trial, index) => [String(index), trialText(trial)]);
  const specs = ['spec', JSON.stringify(spec), ...texts];
  const bytes = [...record, ...specs].reduce((sum, text, at) => (at % 2 === 1 ? sum + Buffer.byteLength(text) : sum), 0);
  return { record, trials: specs, bytes };
}

/** Returns a trial as it is stored: its values and changes as JSON. */
export function trialText({ values, changes }: Pick<PlannedTrial, 'values' | 'changes'>): string {
  return JSON.stringify({ values, changes });
}

/** Rewrites a record of version 0.1.0. If several callers do so at the same time, only the first one changes the record. */
export async function upgradeRecord(
  redis: Redis,
  keys: RedisKeys,
  id: string,
  fields: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const plan = JSON.parse(fields['plan'] ?? '') as FormerPlan;
  const former = JSON.parse(fields['trials'] ?? '[]') as { readonly values: TrialValues; readonly spec: JobSpec }[];
  const giveWay = givingWay();
  const trials: PlannedTrial[] = [];
  for (const { values, spec } of former) {
    trials.push({ values, changes: changesBetween(plan.spec, spec), epochs: spec.epochs, specBytes: 0 });
    await giveWay();
  }
  const { record, trials: specs } = fieldsOf({ ...plan, trials });
  await upgradeSweep(redis, { sweep: keys.sweep(id), trials: keys.sweepTrials(id), record, trialFields: specs });
}
