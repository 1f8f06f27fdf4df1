// Brings sweeps forward: makes their jobs, begins the next rung when one has ended, cancels, and notes the end. It goes by the records
// alone and repeats what may have been done before, so any number of processes may do this at once and any of them may die.
import { isFinal, type Job, type SweepTrial } from '@trainyard/contracts';
import { type JobSpec, SpecError } from '@trainyard/engine';
import { eachInTurn } from '../eachInTurn.ts';
import { DatasetNotFoundError, JobNotFoundError, JobStateError, JobsError, NoCheckpointError } from '../errors.ts';
import { createWith, initialWeightsOf, type WeightSources } from '../initialWeights.ts';
import type { Remains } from '../remains.ts';
import type { Successors } from '../successors.ts';
import type { JobStanding } from '../jobStanding.ts';
import { type SweepRecord, type SweepStore, trialKey } from './sweepStore.ts';

/** The state of the sweep does not allow this. */
export class SweepStateError extends JobsError {
  constructor(action: string, sweepId: string, status: string) {
    super('wrongState', `cannot ${action} ${sweepId}: it is ${status}`);
  }
}

/** A job of a sweep as it is now. */
interface Trial {
  readonly rung: number;
  /** Its number among the sweep's trials. */
  readonly index: number;
  readonly job: JobStanding;
}

/** A trial as answers show it. Its values are in the store: {@link SweepStore.values}. */
export interface RankedTrial {
  /** Its number among the sweep's trials. */
  readonly index: number;
  readonly shown: Omit<SweepTrial, 'values'>;
}

export interface SweepRunnerOptions extends WeightSources {
  readonly store: SweepStore;
  readonly successors: Successors;
  readonly remains: Remains;
}

export class SweepRunner {
  readonly #options: SweepRunnerOptions;
  /** One advance of a sweep at a time in this process, and one more for what happened meanwhile. */
  readonly #advancing = new Map<string, { readonly done: Promise<void>; isStale: boolean }>();

  constructor(options: SweepRunnerOptions) {
    this.#options = options;
  }

  /** Does whatever there is to do for all sweeps; to be called every few seconds by every process. */
  async reconcile(): Promise<void> {
    await eachInTurn(await this.#options.store.active(), async (id) => await this.advance(id));
  }

  /** For a job that has ended. */
  async heed(jobId: string): Promise<void> {
    const id = await this.#options.store.sweepOf(jobId);
    if (id !== null) await this.advance(id);
  }

  /** Does whatever there is to do for a sweep now. */
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
   * @throws SweepStateError it has ended by itself
   */
  async cancel(record: SweepRecord): Promise<void> {
    if (record.status === 'succeeded' || record.status === 'failed') throw new SweepStateError('cancel', record.id, record.status);
    if (record.status === 'cancelled') return;
    await this.#options.store.requestCancel(record.id);
    await this.advance(record.id);
  }

  /**
   * Removes a sweep that has ended. Its jobs stay.
   * @throws SweepStateError it has not ended
   */
  async delete(record: SweepRecord): Promise<void> {
    if ((await this.#options.store.delete(record)) === 'running') throw new SweepStateError('delete', record.id, record.status);
  }

  /** The jobs of a sweep, best first: a higher rung before a lower one, a value before none. */
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

  /** Makes the jobs of the last rung that are not there yet. The idempotency key of each makes it one job, however often it is made. */
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

  /** @param whole the trial's spec, with the epochs that it has when it gets to the last rung */
  async #make(record: SweepRecord, rung: number, index: number, whole: JobSpec): Promise<Job | null> {
    const { jobs, successors } = this.#options;
    const spec: JobSpec = { ...whole, epochs: epochsOf(record, rung, whole) };
    const idempotency = { key: `${record.id}/${trialKey(rung, index)}`, body: spec };
    const { owner, traceparent } = record;
    const request = { spec, owner, sweep: record.id, idempotency, ...(traceparent !== undefined && { traceparent }) };
    try {
      // Whose weights may be used was asked when the sweep was made.
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
      await this.#options.jobs.requestCancel(job.id).catch((error: unknown) => {
        if (!(error instanceof JobStateError || error instanceof JobNotFoundError)) throw error;
      });
    }
  }

  /** @returns whether there is one */
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

  /** The jobs that are there, of all rungs. */
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

/** What a job was to begin with, or its data, was deleted meanwhile. */
function isGone(error: unknown): boolean {
  return [JobNotFoundError, NoCheckpointError, DatasetNotFoundError, SpecError].some((kind) => error instanceof kind);
}

/** Negative when the first is better; one without a value is worse than any. */
function compare({ metric, goal }: SweepRecord, a: Trial, b: Trial): number {
  const [first, second] = [a.job.latest?.[metric] ?? null, b.job.latest?.[metric] ?? null];
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  return goal === 'minimize' ? first - second : second - first;
}

function epochsOf({ strategy }: SweepRecord, rung: number, spec: JobSpec): number {
  return strategy.type === 'halving' ? Math.min(spec.epochs, strategy.minEpochs * strategy.factor ** rung) : spec.epochs;
}
