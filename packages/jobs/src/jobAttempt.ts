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
import {
  announceGradients,
  appendEpoch,
  appendLog,
  compareData,
  countFile,
  finishJob,
  publishStep,
  releaseJob,
  renewLease,
  setPhase,
  storeCheckpoint,
} from './scripts/attempts.ts';
import { leaseMs } from './trainQueue.ts';

/** A step as the engine reports it. */
export type Step = Omit<StepData, 'jobId'>;

/** How an attempt ends its job. */
export type Ending =
  /** `modelBytes`: the bytes of the stored model file; omitted if none was stored. */
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
  /** The number of the attempt, from 1. Every claim of the job raises it. */
  readonly number: number;
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #epochs: number;
  /** The time (ms) from which the speed is measured, and the finished epochs at that time. */
  #since: { readonly time: number; readonly epochs: number } | null;
  /** The number of steps of an epoch, as reported by the training process. 0 if it is not known. */
  stepsPerEpoch = 0;

  /** Only for claim.ts. Others call `JobStore.claim` or `JobStore.take`. */
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
    const { interrupted } = this.#keys;
    const [outcome, status] = await renewLease(this.#redis, { ...this.#own, lease: this.#keys.lease(this.jobId), interrupted, leaseMs });
    return outcome === 'stale' ? { outcome } : { outcome, status };
  }

  /** Sets the phase of the job. The speed is measured from the first 'training' on. */
  async setPhase(phase: JobPhase): Promise<'written' | 'stale'> {
    if (phase === 'training' && this.stepsPerEpoch === 0 && this.#since !== null) this.#since = { time: Date.now(), epochs: 0 };
    const [outcome] = await setPhase(this.#redis, { ...this.#own, phase });
    return outcome;
  }

  /** Publishes a step to clients that follow the job, and records the progress. `duplicate`: the epoch is already in the history. */
  async publishStep(step: Step): Promise<'published' | 'duplicate' | 'stale'> {
    this.stepsPerEpoch = step.stepsPerEpoch;
    const data = stepData.parse({ ...step, jobId: this.jobId });
    const progress = this.#progress(step.epoch, step.step, step.epoch - 1 + step.step / step.stepsPerEpoch);
    const [outcome] = await publishStep(this.#redis, {
      ...this.#own,
      epoch: step.epoch,
      data: JSON.stringify(data),
      progress: JSON.stringify(progress),
    });
    return outcome;
  }

  /**
   * Adds an epoch to the history, and records it as `latest` and in `progress`. `duplicate`: it was already in the history.
   * @param metrics the engine's epoch event. Fields that are not metrics are ignored
   * @throws JobsError code `epochGap` if the previous epoch was never appended
   */
  async appendEpoch(metrics: EpochMetrics): Promise<AppendOutcome> {
    const latest = epochMetrics.parse(metrics);
    const { epoch, ...measured } = latest;
    const [outcome, value] = await appendEpoch(this.#redis, {
      ...this.#own,
      totals: this.#keys.totals,
      epoch,
      data: JSON.stringify({ jobId: this.jobId, epoch, epochs: this.#epochs, ...measured }),
      metrics: JSON.stringify(latest),
      progress: JSON.stringify(this.#progress(epoch, this.stepsPerEpoch, epoch)),
      samples: Math.round(measured.seconds * measured.samplesPerSecond),
      seconds: measured.seconds,
    });
    if (outcome === 'gap') throw new JobsError('epochGap', `${this.jobId} got epoch ${epoch} after epoch ${value}`);
    return outcome === 'appended' ? { outcome, id: value } : { outcome };
  }

  /**
   * Makes a stored file the job's last checkpoint, and appends an event.
   * @param file the name of its artifact
   * @returns the file that it replaces, if there is one
   * @throws JobsError code `epochGap` if an epoch before the checkpoint was never appended
   */
  async storeCheckpoint(
    checkpoint: Omit<JobCheckpoint, 'createdAt'>,
    file: string,
  ): Promise<{ readonly outcome: 'stored'; readonly replaced: string | null } | { readonly outcome: 'stale' }> {
    const { epoch, step } = checkpoint;
    const data: CheckpointData = { jobId: this.jobId, ...checkpoint };
    const kept: JobCheckpoint = { ...checkpoint, createdAt: new Date().toISOString() };
    const [outcome, value] = await storeCheckpoint(this.#redis, {
      ...this.#own,
      files: this.#files,
      epoch,
      step,
      file,
      checkpoint: JSON.stringify(kept),
      data: JSON.stringify(data),
    });
    if (outcome === 'gap') throw new JobsError('epochGap', `${this.jobId} got a checkpoint of epoch ${epoch} after epoch ${value}`);
    return outcome === 'stored' ? { outcome, replaced: value === '' ? null : value } : { outcome };
  }

  /**
   * Adds the bytes of a stored file to the owner's stored bytes, in place of an earlier file of the same name. Call it for files that no
   * other method counts. The file counts even if another attempt has the job now.
   */
  async countFile(name: string, bytes: number): Promise<void> {
    await countFile(this.#redis, { ...this.#own, files: this.#files, name, bytes });
  }

  /**
   * Announces that the gradients of these epochs are stored, with one event for each epoch. The epochs are in ascending order. Each epoch
   * is announced once.
   */
  async announceGradients(epochs: readonly number[]): Promise<'announced' | 'stale'> {
    const [outcome] = await announceGradients(this.#redis, { ...this.#own, epochs });
    return outcome;
  }

  /**
   * Compares the data that the attempt found with the data that the job was created for. If the result is `other`, the job is never reused
   * for a later request.
   * @param digest see {@link dataDigestOf}; null if the data could not be read
   */
  async compareData(digest: string | null): Promise<'same' | 'other' | 'stale'> {
    const [outcome] = await compareData(this.#redis, { ...this.#own, dataDigest: digest ?? '' });
    return outcome;
  }

  /**
   * Appends a line to the job's log. Longer messages are cut to 4,096 characters.
   * @param line the number of the line in this attempt, from 1. A line can be sent again: it is stored once. Redis must receive the lines in
   *   the order of their numbers
   */
  async appendLog(level: LogData['level'], message: string, line: number): Promise<AppendOutcome> {
    const data: LogData = { jobId: this.jobId, level, message: message.slice(0, longestMessage) };
    const [outcome, id] = await appendLog(this.#redis, { ...this.#own, data: JSON.stringify(data), line });
    return outcome === 'appended' ? { outcome, id } : { outcome };
  }

  /**
   * Ends the job. If a cancel was requested, the job ends as `cancelled`, so use the returned status. Repeating the call returns the same.
   * @throws JobStateError if the ending is `cancelled` but no cancel was requested. Call `release` to return the job
   */
  async finish(ending: Ending): Promise<{ readonly outcome: 'finished'; readonly status: FinalStatus } | { readonly outcome: 'stale' }> {
    const detail = ending.status === 'succeeded' ? ending.result : ending.status === 'failed' ? ending.error : null;
    const modelBytes = ending.status === 'succeeded' ? (ending.modelBytes ?? 0) : 0;
    const [outcome, status] = await finishJob(this.#redis, {
      ...this.#own,
      files: this.#files,
      now: new Date().toISOString(),
      final: ending.status,
      detail: detail === null ? '' : JSON.stringify(detail),
      modelFile: trainedWeightsFile,
      modelBytes,
    });
    if (outcome === 'refused') throw new JobStateError(this.jobId, 'end as cancelled', 'running');
    return outcome === 'finished' ? { outcome, status } : { outcome };
  }

  /**
   * Returns the job: queued before all waiting jobs, or paused or cancelled if that was requested. The attempt does not count as one
   * without progress. To let another worker take the job at once, call {@link JobStore.wakeWorkers}.
   */
  async release(): Promise<'released' | 'paused' | 'cancelled' | 'stale'> {
    const [outcome] = await releaseJob(this.#redis, { ...this.#own, now: new Date().toISOString() });
    return outcome;
  }

  get #files(): string {
    return this.#keys.files(this.jobId);
  }

  /** The keys and arguments that all scripts of an attempt have. */
  get #own() {
    return { job: this.#keys.job(this.jobId), attempt: this.number, tag: this.#keys.tag, jobId: this.jobId };
  }

  #progress(epoch: number, step: number, epochsDone: number): JobProgress {
    this.#since ??= { time: Date.now(), epochs: epochsDone };
    const { time, epochs } = this.#since;
    const secondsPerEpoch = (Date.now() - time) / 1_000 / (epochsDone - epochs);
    const etaSeconds = epochsDone > epochs ? Math.round(secondsPerEpoch * (this.#epochs - epochsDone) * 10) / 10 : null;
    return { epoch, epochs: this.#epochs, step, stepsPerEpoch: this.stepsPerEpoch, etaSeconds };
  }
}
