// The writes of the worker that has a job, for one attempt. After another worker has taken over the job, or the job has ended, every write
// returns 'stale' and changes nothing.
import {
  type CheckpointData,
  type EpochMetrics,
  epochMetrics,
  type FinalStatus,
  type JobCheckpoint,
  type JobError,
  type JobPhase,
  type JobProgress,
  type JobResult,
  type JobStatus,
  type LogData,
  type StepData,
  stepData,
} from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { JobStateError, JobsError } from './errors.ts';
import type { RedisKeys } from './redis/keys.ts';
import { announceGradients } from './scripts/announceGradients.ts';
import { appendEpoch } from './scripts/appendEpoch.ts';
import { appendLog } from './scripts/appendLog.ts';
import { countFile } from './scripts/countFile.ts';
import { storeCheckpoint } from './scripts/storeCheckpoint.ts';
import { finishJob } from './scripts/finishJob.ts';
import { foundData } from './scripts/foundData.ts';
import { publishStep } from './scripts/publishStep.ts';
import { releaseJob } from './scripts/releaseJob.ts';
import { renewLease } from './scripts/renewLease.ts';
import { runScript, type Script } from './scripts/script.ts';
import { setPhase } from './scripts/setPhase.ts';
import { leaseMs } from './trainQueue.ts';

/** A step as the engine reports it. */
export type Step = Omit<StepData, 'jobId'>;

/** How an attempt ends its job. */
export type Ending =
  /** `modelBytes`: of the file that was stored of it; left out, none. */
  | { readonly status: 'succeeded'; readonly result: JobResult; readonly modelBytes?: number }
  | { readonly status: 'failed'; readonly error: JobError }
  | { readonly status: 'cancelled' };

export type AppendOutcome = { readonly outcome: 'appended'; readonly id: string } | { readonly outcome: 'duplicate' | 'stale' };

/** The result of renewing the lease. `stale`: a later attempt has the job, or the job does not run any more. */
export type Renewal = { readonly outcome: 'held'; readonly status: JobStatus } | { readonly outcome: 'stale' };

/** The name of the artifact with a job's trained weights. */
export const trainedWeightsFile = 'model.safetensors';

/** Longest log message kept, in characters. */
const longestMessage = 4_096;

export class JobAttempt {
  readonly jobId: string;
  /** 1 for the first; every claim raises it. */
  readonly number: number;
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #epochs: number;
  /** The time (ms) from which the speed is measured, and the finished epochs at that time. */
  #since: { readonly time: number; readonly epochs: number } | null;
  #stepsPerEpoch = 0;

  /** Made by `JobStore.claim`. */
  constructor(options: {
    readonly redis: Redis;
    readonly keys: RedisKeys;
    readonly jobId: string;
    readonly attempt: number;
    readonly epochs: number;
    /** Whether the attempt resumes a checkpoint. The speed is then measured from the first reported step on. */
    readonly isResumed?: boolean;
  }) {
    this.#redis = options.redis;
    this.#keys = options.keys;
    this.jobId = options.jobId;
    this.number = options.attempt;
    this.#epochs = options.epochs;
    this.#since = options.isResumed === true ? null : { time: Date.now(), epochs: 0 };
  }

  /** Renews the lease of this worker on the job. Call it several times within `leaseMs`. */
  async renew(): Promise<Renewal> {
    const keys = [this.#record, this.#keys.lease(this.jobId), this.#keys.interrupted];
    const [outcome, status] = await this.#run(renewLease, keys, [this.jobId, leaseMs]);
    return outcome === 'stale' ? { outcome } : { outcome: 'held', status: status as JobStatus };
  }

  /** Sets the phase of the job. The speed is measured from the first 'training' on. */
  async setPhase(phase: JobPhase): Promise<'written' | 'stale'> {
    if (phase === 'training' && this.#stepsPerEpoch === 0 && this.#since !== null) this.#since = { time: Date.now(), epochs: 0 };
    const [outcome] = await this.#run(setPhase, [this.#record], [phase]);
    return outcome as 'written' | 'stale';
  }

  /** Tells those who watch, and the record's progress. 'duplicate': this epoch is in the history already. */
  async publishStep(step: Step): Promise<'published' | 'duplicate' | 'stale'> {
    this.#stepsPerEpoch = step.stepsPerEpoch;
    const data = stepData.parse({ ...step, jobId: this.jobId });
    const progress = this.#progress(step.epoch, step.step, step.epoch - 1 + step.step / step.stepsPerEpoch);
    const [outcome] = await this.#run(
      publishStep,
      [this.#record],
      [this.jobId, this.#keys.eventChannel, step.epoch, JSON.stringify(data), JSON.stringify(progress)],
    );
    return outcome as 'published' | 'duplicate' | 'stale';
  }

  /**
   * Adds an epoch to the history, the record's `latest` and `progress`. 'duplicate': it was there already. Takes the
   * engine's epoch event as it is; fields that are not metrics are left out.
   * @throws JobsError code `epochGap`, when the epoch before it was never appended
   */
  async appendEpoch(metrics: EpochMetrics): Promise<AppendOutcome> {
    const latest = epochMetrics.parse(metrics);
    const { epoch, ...measured } = latest;
    const [outcome, value] = await this.#run(
      appendEpoch,
      [this.#record, this.#stream, this.#keys.totals],
      [
        this.jobId,
        this.#keys.eventChannel,
        epoch,
        JSON.stringify({ jobId: this.jobId, epoch, epochs: this.#epochs, ...measured }),
        JSON.stringify(latest),
        JSON.stringify(this.#progress(epoch, this.#stepsPerEpoch, epoch)),
        Math.round(measured.seconds * measured.samplesPerSecond),
        measured.seconds,
      ],
    );
    if (outcome === 'gap') throw new JobsError('epochGap', `${this.jobId} got epoch ${epoch} after epoch ${String(value)}`);
    return appendOutcome(outcome, value);
  }

  /**
   * Makes a stored file the job's checkpoint, and tells of it.
   * @param file its name among the job's artifacts
   * @returns the file that it replaces, if there is one
   * @throws JobsError code `epochGap`, when an epoch before it was never appended
   */
  async storeCheckpoint(
    checkpoint: Omit<JobCheckpoint, 'createdAt'>,
    file: string,
  ): Promise<{ readonly outcome: 'stored'; readonly replaced: string | null } | { readonly outcome: 'stale' }> {
    const { epoch, step } = checkpoint;
    const data: CheckpointData = { jobId: this.jobId, ...checkpoint };
    const kept: JobCheckpoint = { ...checkpoint, createdAt: new Date().toISOString() };
    const [outcome, value] = await this.#run(
      storeCheckpoint,
      [this.#record, this.#stream, this.#files],
      [this.jobId, this.#keys.eventChannel, epoch, step, file, JSON.stringify(kept), JSON.stringify(data)],
    );
    if (outcome === 'gap') throw new JobsError('epochGap', `${this.jobId} got a checkpoint of epoch ${epoch} after epoch ${String(value)}`);
    return outcome === 'stored' ? { outcome, replaced: value === '' ? null : String(value) } : { outcome: 'stale' };
  }

  /**
   * Counts a stored file of the job that no other call tells of, in place of one that had the name. It counts whoever stored it, also
   * an attempt that counts no more.
   */
  async countFile(name: string, bytes: number): Promise<void> {
    await runScript(this.#redis, countFile, [this.#record, this.#files], [this.jobId, name, bytes]);
  }

  /** Tells that the gradients of these epochs, in their order, are among the job's artifacts; each epoch's once. */
  async announceGradients(epochs: readonly number[]): Promise<'announced' | 'stale'> {
    const [outcome] = await this.#run(announceGradients, [this.#record, this.#stream], [this.jobId, this.#keys.eventChannel, ...epochs]);
    return outcome as 'announced' | 'stale';
  }

  /**
   * Says what data the attempt found, as {@link dataDigestOf} has it; null where it could not be read. 'other': not that which the
   * job was made for, so that it is never reused.
   */
  async foundData(digest: string | null): Promise<'same' | 'other' | 'stale'> {
    const [outcome] = await this.#run(foundData, [this.#record], [this.jobId, digest ?? '']);
    return outcome as 'same' | 'other' | 'stale';
  }

  /** Adds a line to the job's log; a message over 4,096 characters is cut. */
  async appendLog(level: LogData['level'], message: string): Promise<AppendOutcome> {
    const data: LogData = { jobId: this.jobId, level, message: message.slice(0, longestMessage) };
    const [outcome, value] = await this.#run(
      appendLog,
      [this.#record, this.#stream],
      [this.jobId, this.#keys.eventChannel, JSON.stringify(data)],
    );
    return appendOutcome(outcome, value);
  }

  /**
   * Ends the job. One that someone wants cancelled ends cancelled, whatever the ending given: look at the status that
   * comes back. Repeating it gives the same answer.
   * @throws JobStateError 'cancelled' for a job that nobody asked to cancel; `release` hands it back instead
   */
  async finish(ending: Ending): Promise<{ readonly outcome: 'finished'; readonly status: FinalStatus } | { readonly outcome: 'stale' }> {
    const detail = ending.status === 'succeeded' ? ending.result : ending.status === 'failed' ? ending.error : null;
    const modelBytes = ending.status === 'succeeded' ? (ending.modelBytes ?? 0) : 0;
    const [outcome, status] = await this.#run(
      finishJob,
      [this.#record, this.#stream, this.#files, ...this.#keys.ending],
      [
        this.jobId,
        this.#keys.eventChannel,
        new Date().toISOString(),
        ending.status,
        detail === null ? '' : JSON.stringify(detail),
        trainedWeightsFile,
        modelBytes,
      ],
    );
    if (outcome === 'refused') throw new JobStateError(this.jobId, 'end as cancelled', 'running');
    return outcome === 'finished' ? { outcome, status: status as FinalStatus } : { outcome: 'stale' };
  }

  /**
   * Returns the job: queued before all waiting jobs, or paused or cancelled if that was requested. The attempt does not count as one
   * without progress. To let another worker take the job at once, call {@link JobStore.wakeWorkers}.
   */
  async release(): Promise<'released' | 'paused' | 'cancelled' | 'stale'> {
    const [outcome] = await this.#run(
      releaseJob,
      [this.#record, this.#stream, ...this.#keys.ending],
      [this.jobId, this.#keys.eventChannel, new Date().toISOString()],
    );
    return outcome as 'released' | 'paused' | 'cancelled' | 'stale';
  }

  get #files(): string {
    return this.#keys.files(this.jobId);
  }

  get #record(): string {
    return this.#keys.job(this.jobId);
  }

  get #stream(): string {
    return this.#keys.events(this.jobId);
  }

  async #run(script: Script, keys: readonly string[], args: readonly (string | number)[]): ReturnType<typeof runScript> {
    return await runScript(this.#redis, script, keys, [this.number, ...args]);
  }

  #progress(epoch: number, step: number, epochsDone: number): JobProgress {
    this.#since ??= { time: Date.now(), epochs: epochsDone };
    const { time, epochs } = this.#since;
    const secondsPerEpoch = (Date.now() - time) / 1_000 / (epochsDone - epochs);
    const etaSeconds = epochsDone > epochs ? Math.round(secondsPerEpoch * (this.#epochs - epochsDone) * 10) / 10 : null;
    return { epoch, epochs: this.#epochs, step, stepsPerEpoch: this.#stepsPerEpoch, etaSeconds };
  }
}

function appendOutcome(outcome: string, id: string | number | undefined): AppendOutcome {
  return outcome === 'appended' ? { outcome, id: String(id) } : { outcome: outcome as 'duplicate' | 'stale' };
}
