// One attempt at a job in one training child: fetches the input files, runs the training, and turns its end into the result of the attempt.
// Every wait ends with a response, the end of the child, a stop request or a deadline.
import type { FinalStatus, JobError, JobResult } from '@trainyard/contracts';
import type { FileDigests } from '@trainyard/engine';
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import {
  type ArtifactStore,
  type Claim,
  type Ending,
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
import { AttemptTidying } from './attemptTidying.ts';
import { BackgroundUploads } from './backgroundUploads.ts';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import { describeDeath } from './childDeath.ts';
import { tellDataFound } from './dataFound.ts';
import { overMemory } from './memoryLimit.ts';
import type { ReportedEvent } from './messages.ts';
import { patiently } from './patience.ts';
import type { Reason } from './runError.ts';
import { describeStoreError } from './storageRefusal.ts';
import { StorageOutage, whenStored } from './storageWaits.ts';
import { fetchInputs } from './trainingInputs.ts';
import type { Outcome, TrainingChild } from './trainingChild.ts';
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
  /** Outages of the storage, over all jobs of the worker. */
  outage: StorageOutage;
  /** Records errors of Redis, and logs outages. */
  redisHealth: Pick<RedisHealth, 'report'>;
  /** Aborted when the worker closes and waits for nothing any more, also not for Redis. */
  abandoned: AbortSignal;
}

/** In order of precedence; the last wins. After `lost` nothing may be written for the job. */
export const stopReasons = ['pause', 'handBack', 'cancel', 'lost'] as const;
export type StopReason = (typeof stopReasons)[number];

/** How somebody else ends the attempt. */
export interface AttemptControl {
  /** At once. */
  readonly stop: AbortSignal;
  /** After the step in hand. */
  readonly pause: AbortSignal;
  /** Why, once one of them is aborted. */
  readonly reason: () => StopReason | undefined;
}

/** `ended`: the job needs nobody any more. `handedBack`: it is queued again. Else: another attempt is to follow. */
export type AttemptResult = 'ended' | 'handedBack' | PreviousEnd;

/** How long the files of a failed job may take to be stored, in ms. After that the job ends without them. */
const FAILED_FLUSH_MS = 30_000;

export interface AttemptOptions {
  readonly claim: Extract<Claim, { outcome: 'claimed' }>;
  readonly child: TrainingChild;
  readonly context: AttemptContext;
  readonly control: AttemptControl;
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
  readonly #tidying: AttemptTidying;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const { claim, context, control, checkpoints, span, log } = options;
    const { artifacts, abandoned, outage, redisHealth } = context;
    const { attempt } = claim;
    this.#log = log.child({ attempt: attempt.number, ...span.logFields });
    this.#files = new AttemptFiles(artifacts.temporaryFile());
    this.#outage = new StorageOutage((reason) => this.#sayStorage(reason), outage);
    this.#uploads = new BackgroundUploads(this.#outage, control);
    checkpoints.current = claim.checkpoint;
    const shared = { outage: this.#outage, log: this.#log, redisHealth, abandoned };
    this.#journal = new AttemptJournal({ attempt, artifacts, checkpoints, uploads: this.#uploads, ...shared });
    this.#tidying = new AttemptTidying({ attempt, artifacts, checkpoints, outage, abandoned, log: this.#log });
  }

  /** Runs the attempt to its end. @throws StaleAttemptError; any error after `abandoned` was aborted */
  async run(): Promise<AttemptResult> {
    const { claim, child, context } = this.#options;
    this.#log.info({ child: child.pid, checkpoint: claim.checkpoint }, 'training');
    try {
      return await this.#conclude(await this.#train());
    } catch (error) {
      if (error instanceof StaleAttemptError || context.abandoned.aborted) throw error;
      this.#log.error({ err: error }, 'the attempt failed because its progress could not be stored');
      this.#options.span.failed('progressNotStored');
      const message = "its progress could not be stored; the worker's log has the details under this job's id";
      return { attempt: claim.attempt.number, message, isCounted: true };
    } finally {
      this.#journal.endScratchOutage();
      await this.#uploads.drop();
      // A child that was killed may still be running for a moment. After its exit it writes no more files.
      if (!child.alive) await child.exited;
      await this.#files
        .remove()
        .catch((error: unknown) => this.#log.warn({ err: error }, 'unfinished files of the attempt could not be removed'));
    }
  }

  async #train(): Promise<Outcome> {
    const { claim, child, context, control, checkpoints } = this.#options;
    const { attempt, spec } = claim;
    const { checkpointEveryMs, data, digests, uploads } = context;
    const { stop, pause } = control;
    const ended = AbortSignal.any([stop, pause, child.gone]);
    let inputs: Awaited<ReturnType<typeof fetchInputs>>;
    try {
      inputs = await fetchInputs(claim, { uploads, checkpoints, files: this.#files }, { stop: ended, outage: this.#outage });
    } catch (error) {
      if (stop.aborted || pause.aborted) return { kind: 'stopped' };
      if (child.gone.aborted) return { kind: 'died', death: await child.exited, hasStarted: false };
      throw error;
    }
    if ('error' in inputs) return { kind: 'failed', error: inputs.error, detail: inputs.error.message };
    const { resumeFile, initialFile, isCheckpointLost } = inputs;
    if (isCheckpointLost) await this.#journal.say('warn', 'the last checkpoint is missing or damaged: training starts from the beginning');
    const { model: modelFile, checkpoint: checkpointFile, snapshot: snapshotFile } = this.#files;
    const order = { spec, modelFile, checkpointFile, snapshotFile, checkpointEveryMs, resumeFile, initialFile, data };
    // Both run during the training, which does not depend on them.
    this.#tidying.removeEarlier();
    const told = tellDataFound(attempt, spec, digests, (call) => this.#patiently(call), this.#log);
    const outcome = await child.train(order, async (events) => await this.#store(events), control);
    // Reading the dataset files may take longer than a short job. A stop request ends the wait for it.
    await unlessAborted(told, AbortSignal.any([stop, pause])).catch(() => {});
    return outcome;
  }

  async #store(events: readonly ReportedEvent[]): Promise<void> {
    const now = Date.now();
    await this.#journal.store(events);
    this.#options.span.tell(events, now);
  }

  async #conclude(outcome: Outcome): Promise<AttemptResult> {
    switch (outcome.kind) {
      case 'trained':
        return await this.#succeed(outcome.result);
      case 'failed':
        this.#log.warn({ error: outcome.error, detail: outcome.detail }, 'training failed');
        return await this.#fail(outcome.error);
      case 'stopped':
      case 'paused':
        return (await this.#leave()) ?? this.#next('it was stopped', true);
      case 'died':
        return (await this.#leave()) ?? (await this.#died(outcome));
      case 'crashed':
        return (await this.#leave()) ?? (await this.#bury(outcome.error, true, outcome));
    }
  }

  /** Handles the death of the child. A job that exceeded its memory limit fails at once, because a retry would exceed it too. */
  async #died(outcome: Extract<Outcome, { kind: 'died' }>): Promise<AttemptResult> {
    const reason = describeDeath(outcome.death);
    if (!outcome.hasStarted || overMemory.heard(outcome.death.lastWords) === null)
      return await this.#bury(reason, outcome.hasStarted, outcome);
    this.#log.warn({ error: reason }, 'the training process exceeded its memory limit and was killed');
    return await this.#fail({ ...reason, epoch: null, step: null });
  }

  /** Logs that the training process died by itself. @param isCounted whether the job may be the cause */
  async #bury({ message }: Reason, isCounted: boolean, outcome: Outcome): Promise<AttemptResult> {
    this.#log.error({ outcome }, 'the training process died');
    await this.#journal.say('error', `attempt ${this.#options.claim.attempt.number}: ${message}`);
    this.#options.span.failed('trainingProcessDied');
    return this.#next(message, isCounted);
  }

  #next(message: string, isCounted: boolean): PreviousEnd {
    return { attempt: this.#options.claim.attempt.number, message, isCounted };
  }

  /** Stores all remaining files, the model last, and ends the job. Waits until the storage is available. */
  async #succeed(result: JobResult): Promise<AttemptResult> {
    const { context, control, claim } = this.#options;
    const { attempt } = claim;
    const wait = { ...control, outage: this.#outage };
    const store = async (signal: AbortSignal) =>
      await context.artifacts.putFile(attempt.jobId, trainedWeightsFile, this.#files.model, signal);
    let ending: Ending;
    try {
      await this.#uploads.flush();
      if (this.#uploads.lost > 0) return (await this.#leave()) ?? this.#next('it was stopped', true);
      const { bytes } = await whenStored(store, wait);
      ending = { status: 'succeeded', result, modelBytes: bytes };
    } catch (error) {
      if (error instanceof StaleAttemptError) throw error;
      const left = control.stop.aborted || control.pause.aborted ? await this.#leave() : null;
      if (left !== null) {
        if (control.reason() === 'cancel') this.#tidying.removeModel();
        return left;
      }
      this.#log.error({ err: error }, 'the model could not be stored');
      ending = { status: 'failed', error: describeStoreError(error) };
    }
    const status = await this.#finish(ending);
    // The job was cancelled after its model was stored. A cancelled job must not have a model.
    if (status === 'cancelled') this.#tidying.removeModel();
    this.#tidying.removeOldCheckpoints();
    return 'ended';
  }

  async #fail(error: JobError): Promise<AttemptResult> {
    const { stop, pause } = this.#options.control;
    const signal = AbortSignal.any([stop, pause, AbortSignal.timeout(FAILED_FLUSH_MS)]);
    try {
      // The last gradients and evaluations help to find the cause of the failure.
      await unlessAborted(this.#uploads.flush(), signal);
    } catch (reason) {
      if (reason instanceof StaleAttemptError) throw reason;
    }
    await this.#finish({ status: 'failed', error });
    return 'ended';
  }

  /** Ends the attempt for the requested reason, after storing its files unless the job is cancelled. @returns null without a request */
  async #leave(): Promise<AttemptResult | null> {
    const { claim, control } = this.#options;
    const { attempt } = claim;
    if (control.reason() === 'cancel') await this.#uploads.drop();
    else await this.#uploads.flush();
    switch (control.reason()) {
      case undefined:
        return null;
      case 'lost':
        throw new StaleAttemptError(attempt.jobId, attempt.number);
      case 'cancel':
        await this.#finish({ status: 'cancelled' });
        this.#tidying.removeOldCheckpoints();
        return 'ended';
      case 'pause':
      case 'handBack':
        return await this.#release();
    }
  }

  async #release(): Promise<AttemptResult> {
    const { attempt } = this.#options.claim;
    if (this.#uploads.lost > 0) {
      await this.#journal.say('warn', 'the last checkpoint could not be stored: the job will resume from the checkpoint before it');
    }
    const released = await this.#patiently(() => attempt.release());
    this.#log.info({ released }, 'handed the job back');
    this.#options.span.ended(released);
    return released === 'released' ? 'handedBack' : 'ended';
  }

  async #finish(ending: Ending): Promise<FinalStatus> {
    const { attempt } = this.#options.claim;
    const { span } = this.#options;
    if (this.#options.control.reason() === 'lost') throw new StaleAttemptError(attempt.jobId, attempt.number);
    const finished = await this.#patiently(() => attempt.finish(ending));
    if (finished.outcome === 'stale') throw new StaleAttemptError(attempt.jobId, attempt.number);
    this.#log.info({ status: finished.status }, 'the job has ended');
    span.ended(finished.status);
    if (finished.status === 'failed' && ending.status === 'failed') span.failed(ending.error.code);
    return finished.status;
  }

  #sayStorage(reason: Reason | null): void {
    const said =
      reason === null
        ? this.#journal.say('info', 'the storage is available again')
        : this.#journal.say('warn', `the storage is not available, retrying: ${reason.message}`);
    // A stale attempt gets the same error from its other writes, so it is ignored here.
    said.catch(() => {});
  }

  #patiently<T>(call: () => Promise<T>): Promise<T> {
    return patiently(call, this.#options.context.redisHealth, this.#options.context.abandoned);
  }
}
