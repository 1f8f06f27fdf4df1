// Plans a sweep: its base spec, and for each trial the differences from the base spec. Every trial is checked like a separate job. If one
// trial cannot be trained, no job is queued.
import type { NewSweep } from '@trainyard/contracts';
import type { UploadedDatasets } from '@trainyard/engine/data';
import { checkSpec, type JobSpec, mostProblems, type Problem, SpecError, type SpecLimits } from '@trainyard/engine/spec';
import {
  changesBetween,
  givingWay,
  placeInSpace,
  type PlannedTrial,
  planTrials,
  trialText,
  type TrialValues,
  valuesBytes,
  withValues,
} from '@trainyard/jobs';
import type { ClassLimits } from '../datasets/classLimits.ts';

/** The most characters of a value in a message. */
const mostShown = 200;

/** Limits and services for the check of each trial's spec. */
export interface PlanContext {
  readonly classLimits: ClassLimits;
  readonly limits: SpecLimits;
  /** The most bytes of the specs and values of all trials together. */
  readonly bytesLimit: number;
  /** The number of threads of a job whose spec has no `threads`. */
  readonly threads: number;
  readonly uploads: UploadedDatasets;
  /** Checks the weights that a spec names. @throws SpecError if they cannot be used or do not fit the model of the spec */
  readonly checkWeights: (spec: JobSpec) => Promise<unknown>;
  /** When this signal is aborted, the planning ends. */
  readonly signal: AbortSignal;
}

/**
 * Plans the trials that a sweep begins with. Other requests are handled in between.
 * @param seed the seed of random draws from the space
 * @throws SpecError if the sweep or a trial is invalid. Its paths are JSON pointers into the body of the sweep
 * @throws the reason of `context.signal`, if it is aborted
 */
export async function planSweep(
  { spec: body, space, strategy, maxJobs }: Pick<NewSweep, 'spec' | 'space' | 'strategy' | 'maxJobs'>,
  seed: number,
  context: PlanContext,
): Promise<{ readonly spec: JobSpec; readonly trials: readonly PlannedTrial[] }> {
  const planned = planTrials(space, strategy, maxJobs, seed);
  const spec = await check(body, {}, context);
  requireRoom(planned.length * bytesOf(spec) + valuesBytes(planned), planned.length, context.bytesLimit);

  const problems = new Map<string, Problem>();
  const trials: PlannedTrial[] = [];
  let bytes = 0;
  const giveWay = givingWay();
  for (const values of planned) {
    await giveWay();
    context.signal.throwIfAborted();
    try {
      const whole = await check({ seed: spec.seed, ...body }, values, context);
      const trial = { values, changes: changesBetween(spec, whole), epochs: whole.epochs, specBytes: bytesOf(whole) };
      bytes += trial.specBytes + Buffer.byteLength(trialText(trial));
      requireRoom(bytes, trials.length + 1, context.bytesLimit);
      trials.push(trial);
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      for (const issue of error.issues) problems.set(`${issue.path} ${issue.message}`, issue);
      if (problems.size >= mostProblems || error.issues.some(({ code }) => code === sweepTooLarge)) break;
    }
  }
  if (problems.size > 0) throw new SpecError([...problems.values()].slice(0, mostProblems));
  return { spec, trials };
}

const sweepTooLarge = 'sweepTooLarge';

/** Checks the size of a sweep. @throws SpecError if the specs and values of its jobs have more than `limit` bytes */
function requireRoom(bytes: number, jobs: number, limit: number): void {
  if (bytes <= limit) return;
  const message = `${jobs} jobs have ${bytes} bytes of specs and values, over the limit of ${limit} for a sweep: use at most ${Math.floor((limit / bytes) * jobs)} jobs like these, or a smaller spec`;
  throw new SpecError([{ path: '/spec', message, code: sweepTooLarge }]);
}

const bytesOf = (spec: JobSpec): number => Buffer.byteLength(JSON.stringify(spec));

/** Checks one trial like a job. @throws SpecError if the trial is invalid. Its paths are JSON pointers into the body of the sweep */
async function check(body: Readonly<Record<string, unknown>>, values: TrialValues, context: PlanContext): Promise<JobSpec> {
  try {
    const posted = withValues(body, values);
    const { spec } = checkSpec(posted, context.limits, context.uploads, context.threads);
    await context.classLimits.check(spec);
    await context.checkWeights(spec);
    return spec;
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const isPlaced = error.issues.every(({ path }) => path.startsWith('/space'));
    throw isPlaced ? error : new SpecError(placed(error.issues, values));
  }
}

/** Returns the problems of a spec with pointers into the body of the sweep. */
function placed(issues: readonly Problem[], values: TrialValues): Problem[] {
  const shown = Object.entries(values).map(([place, value]) => ({ place, text: shortened(JSON.stringify(value)) }));
  const chosen = shortened(`{${shown.map(({ place, text }) => `${JSON.stringify(place)}:${text}`).join()}}`);
  return issues.map((issue) => {
    const from = shown.find(({ place }) => issue.path === place || issue.path.startsWith(`${place}/`));
    if (from !== undefined) return { ...issue, path: placeInSpace(from.place), message: `${from.text}: ${issue.message}` };
    const suffix = shown.length === 0 ? '' : ` (with ${chosen})`;
    return { ...issue, path: `/spec${issue.path}`, message: `${issue.message}${suffix}` };
  });
}

function shortened(text: string): string {
  return text.length <= mostShown ? text : `${text.slice(0, mostShown)}…`;
}
