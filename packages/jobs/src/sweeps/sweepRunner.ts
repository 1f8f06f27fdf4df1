// Advances sweeps: creates their jobs, begins the next rung when one has ended, cancels sweeps, and records their end. It keeps no state
// except for the records, and every step is safe to repeat. So any number of processes may do this at the same time, and any may crash.
import { isFinal, type Job, type SweepTrial } from '@trainyard/contracts';
import { type JobSpec, SpecError } from '@trainyard/engine/spec';
import { DatasetNotFoundError, JobNotFoundError, JobStateError, JobsError, NoCheckpointError } from '../errors.ts';
import { createWith, initialWeightsOf, type WeightSources } from '../initialWeights.ts';
import type { JobStanding } from '../jobList.ts';
import { eachInTurn } from '../pacing.ts';
import type { ReservedFiles } from '../reservedFiles.ts';
import type { Successors } from '../successors.ts';
import { type SweepRecord, type SweepStore, trialKey } from './sweepStore.ts';

/** The status of the sweep does not allow the action. */
export class SweepStateError extends JobsError {
  constructor(action: string, sweepId: string, status: string) {
    super('wrongState', `cannot ${action} ${sweepId}: it is ${status}`);
  }
}

/** A job of a sweep with its current status. */
interface Trial {
  readonly rung: number;
  /** The index of the trial in the sweep. */
  readonly index: number;
  readonly job: JobStanding;
}

/** A trial as responses show it, without its values: see {@link SweepStore.values}. */
export interface RankedTrial {
  /** The index of the trial in the sweep. */
  readonly index: number;
  readonly shown: Omit<SweepTrial, 'values'>;
}

export interface SweepRunnerOptions extends WeightSources {
  readonly store: SweepStore;
  readonly successors: Successors;
  readonly reservedFiles: ReservedFiles;
}

export class SweepRunner {
  readonly #options: SweepRunnerOptions;
  /** The sweeps that this process advances now. A sweep that changes meanwhile is advanced once more. */
  readonly #advancing = new Map<string, { readonly done: Promise<void>; isStale: boolean }>();

  constructor(options: SweepRunnerOptions) {
    this.#options = options;
  }

  /** Advances all active sweeps. Call it every few seconds in every process. */
  async reconcile(): Promise<void> {
    await eachInTurn(await this.#options.store.active(), async (id) => await this.advance(id));
  }

  /** Advances the sweep of a job that has ended. */
  async afterJob(jobId: string): Promise<void> {
    const id = await this.#options.store.sweepOf(jobId);
    if (id !== null) await this.advance(id);
  }

  /** Takes the next steps of a sweep: creates jobs, begins the next rung, cancels jobs, or records the end. */
  async advance(id: string): Promise<void> {
    const running = this.#advancing.get(id);
    if (running !== undefined) {
      running.isStale = true;
      await running.done;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = { done: promise, isStale: false };
    this.#advancing.set(id, turn);
    try {
      do {
        turn.isStale = false;
        await this.#advance(id);
      } while (turn.isStale);
    } finally {
      this.#advancing.delete(id);
      resolve();
    }
  }

  /**
   * Cancels all jobs of a sweep that have not ended.
   * @throws SweepStateError if the sweep has succeeded or failed
   */
  async cancel(record: SweepRecord): Promise<void> {
    if (record.status === 'succeeded' || record.status === 'failed') throw new SweepStateError('cancel', record.id, record.status);
    if (record.status === 'cancelled') return;
    await this.#options.store.requestCancel(record.id);
    await this.advance(record.id);
  }

  /**
   * Deletes a sweep that has ended. Its jobs are kept.
   * @throws SweepStateError if the sweep has not ended
   */
  async delete(record: SweepRecord): Promise<void> {
    if ((await this.#options.store.delete(record)) === 'running') throw new SweepStateError('delete', record.id, record.status);
  }

  /**
   * Returns the jobs of a sweep, best first. A job of a higher rung is before one of a lower rung, and a job with a value before one
   * without.
   */
  async ranking(record: SweepRecord): Promise<RankedTrial[]> {
    const { metric } = record;
    const trials = (await this.#trials(record)).toSorted((a, b) => b.rung - a.rung || compare(record, a, b) || a.index - b.index);
    return trials.map(({ rung, index, job: { id: job, status, epochs, latest } }, place) => {
      const name = latest?.nonFinite?.[metric];
      const nonFinite = name === undefined ? {} : { nonFinite: { value: name } };
      const value = latest?.[metric] ?? null;
      return { index, shown: { rank: place + 1, job, rung, epochs, epoch: latest?.epoch ?? 0, status, value, ...nonFinite } };
    });
  }

  async #advance(id: string): Promise<void> {
    const { store } = this.#options;
    const record = await store.get(id);
    if (record === null || record.finishedAt !== null) return;
    const isCancelled = record.status === 'cancelling';
    if (isCancelled) await this.#cancelJobs(record);
    else await this.#makeJobs(record);
    const now = await store.get(id);
    if (now === null) return;
    const trials = await this.#trials(now);
    if (trials.some(({ job }) => !isFinal(job.status))) return;
    if (!isCancelled && (await this.#beginNextRung(now, trials))) {
      await this.#advance(id);
      return;
    }
    const hasSucceeded = trials.some(({ job }) => job.status === 'succeeded');
    await store.end(now, isCancelled ? 'cancelled' : hasSucceeded ? 'succeeded' : 'failed');
  }

  /** Creates the missing jobs of the last rung. Each has an idempotency key, so that repeated calls create only one job. */
  async #makeJobs(record: SweepRecord): Promise<void> {
    const { store } = this.#options;
    const rung = record.rungs.length - 1;
    const missing = (record.rungs[rung] ?? []).filter((index) => !record.jobs.has(trialKey(rung, index)));
    if (missing.length === 0) return;
    const base = await store.spec(record.id);
    for (const index of missing) {
      if (await store.isCancelled(record.id)) return;
      const spec = await store.trialSpec(record.id, base, index);
      const job = spec === null ? null : await this.#make(record, rung, index, spec);
      if (job !== null) await store.setJob(record.id, rung, index, job.id);
    }
  }

  /** @param whole the trial's spec, with the number of epochs for the last rung */
  async #make(record: SweepRecord, rung: number, index: number, whole: JobSpec): Promise<Job | null> {
    const { jobs, successors } = this.#options;
    const spec: JobSpec = { ...whole, epochs: epochsOf(record, rung, whole) };
    const idempotency = { key: `${record.id}/${trialKey(rung, index)}`, body: spec };
    const { owner, traceparent } = record;
    const request = { spec, owner, sweep: record.id, idempotency, ...(traceparent !== undefined && { traceparent }) };
    try {
      // The access to the weights was checked when the sweep was created.
      if (rung === 0) return (await createWith(await initialWeightsOf(spec, undefined, this.#options), this.#options, request)).job;
      const before = await jobs.get(record.jobs.get(trialKey(rung - 1, index)) ?? '');
      return before === null ? null : (await successors.fork(before, request)).job;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  async #cancelJobs(record: SweepRecord): Promise<void> {
    for (const { job } of await this.#trials(record)) {
      if (isFinal(job.status)) continue;
      await this.#options.jobs.act('cancel', job.id).catch((error: unknown) => {
        if (!(error instanceof JobStateError || error instanceof JobNotFoundError)) throw error;
      });
    }
  }

  /** Begins the next rung. @returns whether there is one */
  async #beginNextRung(record: SweepRecord, trials: readonly Trial[]): Promise<boolean> {
    const { strategy } = record;
    if (strategy.type !== 'halving') return false;
    const rung = record.rungs.length - 1;
    const ended = trials.filter((trial) => trial.rung === rung);
    const goesOn = ({ index, job }: Trial): boolean =>
      job.status === 'succeeded' && job.latest?.[record.metric] != null && job.epochs < (record.epochs[index] ?? 0);
    const best = ended
      .filter(goesOn)
      .toSorted((a, b) => compare(record, a, b) || a.index - b.index)
      .slice(0, Math.max(1, Math.floor((record.rungs[rung]?.length ?? 0) / strategy.factor)));
    if (best.length === 0) return false;
    await this.#options.store.beginRung(
      record.id,
      rung + 1,
      best.map(({ index }) => index),
    );
    return true;
  }

  /** Returns the existing jobs of all rungs. */
  async #trials(record: SweepRecord): Promise<Trial[]> {
    const places = record.rungs.flatMap((indexes, rung) =>
      indexes.flatMap((index) => {
        const jobId = record.jobs.get(trialKey(rung, index));
        return jobId === undefined ? [] : [{ rung, index, jobId }];
      }),
    );
    const jobs = await this.#options.jobs.standings(places.map(({ jobId }) => jobId));
    return places.flatMap(({ rung, index }, at) => {
      const job = jobs[at];
      return job === null || job === undefined ? [] : [{ rung, index, job }];
    });
  }
}

/** Whether an error means that the job's checkpoint, weights or data were deleted meanwhile. */
function isGone(error: unknown): boolean {
  return [JobNotFoundError, NoCheckpointError, DatasetNotFoundError, SpecError].some((kind) => error instanceof kind);
}

/** Compares two values: negative if the first is better. A missing value is worse than any other. */
function compare({ metric, goal }: SweepRecord, a: Trial, b: Trial): number {
  const [first, second] = [a.job.latest?.[metric] ?? null, b.job.latest?.[metric] ?? null];
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  return goal === 'minimize' ? first - second : second - first;
}

function epochsOf({ strategy }: SweepRecord, rung: number, spec: JobSpec): number {
  return strategy.type === 'halving' ? Math.min(spec.epochs, strategy.minEpochs * strategy.factor ** rung) : spec.epochs;
}
