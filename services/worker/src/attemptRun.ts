// Runs one attempt at a job in one training child: fetches the input files, trains, stores the files and returns the result of the attempt.
// Every wait ends with a response, the end of the child, a stop request or a deadline.
import type { FinalStatus, JobError, JobResult } from '@trainyard/contracts';
import type { FileDigests } from '@trainyard/engine/data';
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import {
  type ArtifactStore,
  type Claim,
  type Ending,
  type JobAttempt,
  type JobStore,
  type PreviousEnd,
  type RedisHealth,
  trainedWeightsFile,
  unlessAborted,
} from '@trainyard/jobs';
import type { Logger } from 'pino';
import { AttemptFiles } from './attemptFiles.ts';
import { AttemptJournal, StaleAttemptError } from './attemptJournal.ts';
import type { AttemptSpan } from './attemptSpan.ts';
import { AttemptCleanup } from './attemptCleanup.ts';
import { BackgroundUploads } from './backgroundUploads.ts';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import { describeDeath } from './childDeath.ts';
import { recordDataDigest } from './dataDigest.ts';
import { overMemory } from './memoryLimit.ts';
import type { ReportedEvent } from './messages.ts';
import { retryRedis } from './retryRedis.ts';
import type { Reason } from './runError.ts';
import type { StopRequest } from './stopRequest.ts';
import { describeStoreError } from './storageRefusal.ts';
import { StorageOutage, retryStorage } from './storageWaits.ts';
import { fetchInputs } from './trainingInputs.ts';
import type { TrainingEnd, TrainingChild } from './trainingChild.ts';
import type { UploadedData } from './uploadedData.ts';

/** The parts that all attempts of a worker share. */
export interface AttemptContext {
  store: JobStore;
  artifacts: ArtifactStore;
  /** The shortest time between two checkpoints, in ms. */
  checkpointEveryMs: number;
  data: NodeDatasetFilesOptions;
  /** Digests of the dataset files that `data` locates. */
  digests: FileDigests;
  uploads: UploadedData;
  /** Reports outages of the storage for the whole worker. */
  outage: StorageOutage;
  /** Records errors of Redis, and logs outages. */
  redisHealth: Pick<RedisHealth, 'report'>;
  /** Aborted when the closing worker stops waiting for anything, including Redis. */
  abandoned: AbortSignal;
}

/**
 * The result of an attempt. A `RunResult` also ends the run, so that no further attempt is made:
 * - `ended`: the job needs no worker now: it has ended, is paused or was deleted.
 * - `handedBack`: the job is queued again.
 * - `lost`: another worker has the job or will get it.
 * - `PreviousEnd`: the attempt has failed, and this worker makes another one.
 */
export type AttemptResult = RunResult | PreviousEnd;
export type RunResult = 'ended' | 'handedBack' | 'lost';

/** How long the files of a failed job may take to be stored, in ms. After that the job ends without them. */
const FAILED_FLUSH_MS = 30_000;

export interface AttemptOptions {
  readonly claim: Extract<Claim, { outcome: 'claimed' }>;
  readonly child: TrainingChild;
  readonly context: AttemptContext;
  readonly stopRequest: StopRequest;
  readonly checkpoints: CheckpointKeeper;
  readonly span: AttemptSpan;
  readonly log: Logger;
}

export class AttemptRun {
  readonly #options: AttemptOptions;
  readonly #log: Logger;
  readonly #files: AttemptFiles;
  readonly #uploads: BackgroundUploads;
  readonly #outage: StorageOutage;
  readonly #journal: AttemptJournal;
  readonly #cleanup: AttemptCleanup;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { claim, context, stopRequest, checkpoints, span, log } = options;
    const { artifacts, abandoned, outage, redisHealth } = context;
    const { attempt } = claim;
    this.#log = log.child({ attempt: attempt.number, ...span.logFields });
    this.#files = new AttemptFiles(artifacts.temporaryFile());
    this.#outage = new StorageOutage((reason) => this.#logOutage(reason), outage);
    this.#uploads = new BackgroundUploads(this.#outage, stopRequest);
    checkpoints.current = claim.checkpoint;
    const shared = { outage: this.#outage, log: this.#log, redisHealth, abandoned };
    this.#journal = new AttemptJournal({ attempt, artifacts, checkpoints, uploads: this.#uploads, ...shared });
    this.#cleanup = new AttemptCleanup({ attempt, artifacts, checkpoints, outage, abandoned, log: this.#log });
  }

  /**
   * Runs the attempt to its end.
   * @throws StaleAttemptError if another worker has taken over the job, or the job has ended
   * @throws any error that occurs after `abandoned` is aborted
   */
  async run(): Promise<AttemptResult> {
    const { claim, child, context } = this.#options;
    this.#log.info({ child: child.pid, checkpoint: claim.checkpoint }, 'training');
    try {
      return await this.#conclude(await this.#train());
    } catch (error) {
      if (error instanceof StaleAttemptError || context.abandoned.aborted) throw error;
      this.#log.error({ err: error }, 'the attempt failed because its progress could not be stored');
      this.#options.span.failed('progressNotStored');
      return this.#failedAttempt("its progress could not be stored; the worker's log has the details under this job's id", true);
    } finally {
      this.#journal.endScratchOutage();
      await this.#uploads.drop();
      // Waits for the exit of a killed child before the files are removed, because the child may still write for a moment.
      if (!child.alive) await child.exited;
      await this.#files
        .remove()
        .catch((error: unknown) => this.#log.warn({ err: error }, 'unfinished files of the attempt could not be removed'));
    }
  }

  async #train(): Promise<TrainingEnd> {
    const { claim, child, context, stopRequest, checkpoints } = this.#options;
    const { attempt, spec } = claim;
    const { checkpointEveryMs, data, digests, uploads } = context;
    const ended = AbortSignal.any([stopRequest.any, child.gone]);
    let inputs: Awaited<ReturnType<typeof fetchInputs>>;
    try {
      inputs = await fetchInputs(claim, { uploads, checkpoints, files: this.#files }, { stop: ended, outage: this.#outage });
    } catch (error) {
      if (stopRequest.any.aborted) return { kind: 'stopped' };
      if (child.gone.aborted) return { kind: 'died', death: await child.exited, hasStarted: false };
      throw error;
    }
    if ('error' in inputs) return { kind: 'failed', error: inputs.error, detail: inputs.error.message };
    const { resumeFile, initialFile, isCheckpointLost } = inputs;
    if (isCheckpointLost)
      await this.#journal.appendLog('warn', 'the last checkpoint is missing or damaged: training starts from the beginning');
    const { model: modelFile, checkpoint: checkpointFile, snapshot: snapshotFile } = this.#files;
    const order = { spec, modelFile, checkpointFile, snapshotFile, checkpointEveryMs, resumeFile, initialFile, data };
    // The cleanup and the comparison of the data run during the training, because training does not depend on their results.
    this.#cleanup.removeEarlier();
    const digestRecorded = recordDataDigest(attempt, spec, digests, (call) => this.#withRedis(call), this.#log);
    const outcome = await child.train(order, async (events) => await this.#store(events), stopRequest);
    // Reading the dataset files for the digest may take longer than a short job. A stop request ends this wait.
    await unlessAborted(digestRecorded, stopRequest.any).catch(() => {});
    return outcome;
  }

  async #store(events: readonly ReportedEvent[]): Promise<void> {
    const now = Date.now();
    await this.#journal.store(events);
    this.#options.span.record(events, now);
  }

  async #conclude(outcome: TrainingEnd): Promise<AttemptResult> {
    switch (outcome.kind) {
      case 'trained':
        return await this.#succeed(outcome.result);
      case 'failed':
        this.#log.warn({ error: outcome.error, detail: outcome.detail }, 'training failed');
        return await this.#fail(outcome.error);
      case 'stopped':
      case 'paused':
        return (await this.#endAsRequested()) ?? this.#failedAttempt('it was stopped', true);
      case 'died':
        return (await this.#endAsRequested()) ?? (await this.#died(outcome));
      case 'crashed':
        return (await this.#endAsRequested()) ?? (await this.#recordDeath(outcome.error, true, outcome));
    }
  }

  /** Handles the death of the child. A job that exceeded its memory limit fails at once, because a retry would exceed it too. */
  async #died(outcome: Extract<TrainingEnd, { kind: 'died' }>): Promise<AttemptResult> {
    const reason = describeDeath(outcome.death);
    if (!outcome.hasStarted || overMemory.parse(outcome.death.lastWords) === null)
      return await this.#recordDeath(reason, outcome.hasStarted, outcome);
    this.#log.warn({ error: reason }, 'the training process exceeded its memory limit and was killed');
    return await this.#fail({ ...reason, epoch: null, step: null });
  }

  /** Logs the death of the training process for the worker and for the job. @param isCounted whether the job may be the cause */
  async #recordDeath({ message }: Reason, isCounted: boolean, outcome: TrainingEnd): Promise<AttemptResult> {
    this.#log.error({ outcome }, 'the training process died');
    await this.#journal.appendLog('error', `attempt ${this.#options.claim.attempt.number}: ${message}`);
    this.#options.span.failed('trainingProcessDied');
    return this.#failedAttempt(message, isCounted);
  }

  #failedAttempt(message: string, isCounted: boolean): PreviousEnd {
    return { attempt: this.#options.claim.attempt.number, message, isCounted };
  }

  /** Stores all remaining files, the model last, and ends the job. Waits until the storage is available. */
  async #succeed(result: JobResult): Promise<AttemptResult> {
    const { context, stopRequest, claim } = this.#options;
    const { attempt } = claim;
    const wait = { stop: stopRequest.stop, pause: stopRequest.pause, outage: this.#outage };
    const store = async (signal: AbortSignal) =>
      await context.artifacts.putFile(attempt.jobId, trainedWeightsFile, this.#files.model, signal);
    let ending: Ending;
    try {
      await this.#uploads.flush();
      if (this.#uploads.lost > 0) return (await this.#endAsRequested()) ?? this.#failedAttempt('it was stopped', true);
      const { bytes } = await retryStorage(store, wait);
      ending = { status: 'succeeded', result, modelBytes: bytes };
    } catch (error) {
      if (error instanceof StaleAttemptError) throw error;
      const requested = stopRequest.any.aborted ? await this.#endAsRequested() : null;
      if (requested !== null) {
        if (stopRequest.reason === 'cancel') this.#cleanup.removeModel();
        return requested;
      }
      this.#log.error({ err: error }, 'the model could not be stored');
      ending = { status: 'failed', error: describeStoreError(error) };
    }
    const status = await this.#finish(ending);
    // The job was cancelled after its model was stored. A cancelled job must not have a model.
    if (status === 'cancelled') this.#cleanup.removeModel();
    this.#cleanup.removeOldCheckpoints();
    return 'ended';
  }

  async #fail(error: JobError): Promise<AttemptResult> {
    const signal = AbortSignal.any([this.#options.stopRequest.any, AbortSignal.timeout(FAILED_FLUSH_MS)]);
    try {
      // Stores the last gradients and evaluations, because they help to find the cause of the failure.
      await unlessAborted(this.#uploads.flush(), signal);
    } catch (reason) {
      if (reason instanceof StaleAttemptError) throw reason;
    }
    await this.#finish({ status: 'failed', error });
    return 'ended';
  }

  /** Ends the attempt for the requested reason. Stores its files first, except for `cancel`. Returns null if no end was requested. */
  async #endAsRequested(): Promise<AttemptResult | null> {
    const { stopRequest } = this.#options;
    if (stopRequest.reason === 'cancel') await this.#uploads.drop();
    else await this.#uploads.flush();
    switch (stopRequest.reason) {
      case undefined:
        return null;
      case 'lost':
        throw this.#staleError();
      case 'cancel':
        await this.#finish({ status: 'cancelled' });
        this.#cleanup.removeOldCheckpoints();
        return 'ended';
      case 'pause':
      case 'handBack':
        return await this.#pauseOrHandBack();
    }
  }

  async #pauseOrHandBack(): Promise<AttemptResult> {
    const { claim, context, span } = this.#options;
    if (this.#uploads.lost > 0) {
      await this.#journal.appendLog('warn', 'the last checkpoint could not be stored: the job will resume from the checkpoint before it');
    }
    return await pauseOrHandBack(claim.attempt, context, this.#log, span);
  }

  async #finish(ending: Ending): Promise<FinalStatus> {
    const { claim, span, stopRequest } = this.#options;
    if (stopRequest.reason === 'lost') throw this.#staleError();
    const finished = await this.#withRedis(() => claim.attempt.finish(ending));
    if (finished.outcome === 'stale') throw this.#staleError();
    this.#log.info({ status: finished.status }, 'the job has ended');
    span.ended(finished.status);
    if (finished.status === 'failed' && ending.status === 'failed') span.failed(ending.error.code);
    return finished.status;
  }

  #logOutage(reason: Reason | null): void {
    const level = reason === null ? 'info' : 'warn';
    const message = reason === null ? 'the storage is available again' : `the storage is not available, retrying: ${reason.message}`;
    // An error is ignored here: if the attempt is stale, its other writes fail with the same error.
    this.#journal.appendLog(level, message).catch(() => {});
  }

  #staleError(): StaleAttemptError {
    const { jobId, number } = this.#options.claim.attempt;
    return new StaleAttemptError(jobId, number);
  }

  #withRedis<T>(call: () => Promise<T>): Promise<T> {
    return retryRedis(call, this.#options.context.redisHealth, this.#options.context.abandoned);
  }
}

const releaseMessages = {
  released: 'handed the job back',
  paused: 'paused the job',
  cancelled: 'cancelled the job',
  stale: 'another worker has taken over the job, or the job has ended',
} as const;

/** Pauses the job, cancels it or returns it to the queue, depending on its record. */
export async function pauseOrHandBack(attempt: JobAttempt, context: AttemptContext, log: Logger, span?: AttemptSpan): Promise<RunResult> {
  const outcome = await retryRedis(() => attempt.release(), context.redisHealth, context.abandoned);
  log.info(releaseMessages[outcome]);
  span?.ended(outcome);
  return outcome === 'released' ? 'handedBack' : 'ended';
}
