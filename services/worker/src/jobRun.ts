// One delivered job, from claiming it to its end: attempt after attempt in a training child, until the job has ended,
// went back into the queue or belongs to someone else. It decides what a child's end means for the job. BullMQ's side of
// the delivery is worker.ts's, the child's process is trainingChild.ts's.
import { rm } from 'node:fs/promises';
import { type FileDigests, initialWeightsFile } from '@trainyard/engine';
import type { NodeDatasetFilesOptions } from '@trainyard/engine/node';
import type { FinalStatus, JobError, JobResult } from '@trainyard/contracts';
import {
  ArtifactError,
  type ArtifactStore,
  type Claim,
  type Ending,
  type JobAttempt,
  type JobStore,
  type RedisHealth,
  type Wish,
  trainedWeightsFile,
  type WishBus,
  wishOf,
} from '@trainyard/jobs';
import type { Logger } from 'pino';
import { AttemptJournal, StaleAttemptError } from './attemptJournal.ts';
import { AttemptSpan } from './attemptSpan.ts';
import { describeDeath } from './childDeath.ts';
import { CheckpointKeeper } from './checkpointKeeper.ts';
import type { ChildPool } from './childPool.ts';
import { tellDataFound } from './dataFound.ts';
import type { ReportedEvent } from './messages.ts';
import { patiently } from './patience.ts';
import { describeError } from './runError.ts';
import { SnapshotKeeper } from './snapshotKeeper.ts';
import type { Outcome, TrainingChild } from './trainingChild.ts';
import type { UploadedData } from './uploadedData.ts';

/** What all runs of a worker share. */
export interface RunContext {
  store: JobStore;
  wishes: WishBus;
  artifacts: ArtifactStore;
  /** Between two checkpoints at least. */
  checkpointEveryMs: number;
  pool: ChildPool;
  data: NodeDatasetFilesOptions;
  /** Of the files that `data` names. */
  digests: FileDigests;
  uploads: UploadedData;
  /** Takes note of Redis's errors. */
  redisHealth: Pick<RedisHealth, 'report'>;
  /** The worker's name, as jobs show it. */
  worker: string;
  /** Aborted when the worker leaves without waiting for anything, Redis included. */
  abandoned: AbortSignal;
}

/**
 * - `ended`: the job needs nobody any more (it may have ended long ago).
 * - `handedBack`: it is queued again.
 * - `lost`: someone else has it, or will get it.
 */
export type RunEnd = 'ended' | 'handedBack' | 'lost';

/** Of two, the one that comes later here counts: nothing may be written any more for a job that is lost. */
const stopReasons = ['pause', 'handBack', 'cancel', 'lost'] as const;
type StopReason = (typeof stopReasons)[number];
type Claimed = Extract<Claim, { outcome: 'claimed' }>;

/** How long a job that is handed back may take for its checkpoint. */
const HAND_BACK_MS = 2_500;

const initialWeightsGone: JobError = {
  code: 'initialWeightsGone',
  message: "the file with the job's initial weights is gone from the artifacts; submit the job again",
  epoch: null,
  step: null,
};

export class JobRun {
  readonly jobId: string;
  readonly #context: RunContext;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #pause = new AbortController();
  readonly #checkpoints: CheckpointKeeper;
  #handBackTimer: NodeJS.Timeout | undefined;
  #stopReason: StopReason | undefined;
  #attempt: JobAttempt | undefined;
  /** Of the attempt in hand. */
  #span: AttemptSpan | undefined;
  #lastEnd: string | undefined;

  constructor(jobId: string, context: RunContext, log: Logger) {
    this.jobId = jobId;
    this.#context = context;
    this.#log = log;
    this.#checkpoints = new CheckpointKeeper(context.artifacts, log);
  }

  /** Runs the job; resolves when nothing is left to do here. */
  async follow(): Promise<RunEnd> {
    const endWatch = this.#context.wishes.watch(this.jobId, (wish) => this.#stopFor(wish));
    try {
      for (;;) {
        const end = await this.#tryOnce();
        if (end !== 'again') return end;
      }
    } catch (error) {
      if (error instanceof StaleAttemptError) {
        this.#log.info('the job was taken over or has ended; dropping it');
        await this.#leaveNothing().catch((error: unknown) => this.#log.warn({ err: error }, 'files of a deleted job may be left'));
        return 'lost';
      }
      if (this.#context.abandoned.aborted) return 'lost';
      throw error;
    } finally {
      endWatch();
      clearTimeout(this.#handBackTimer);
    }
  }

  /** A job that was deleted after another worker had ended it needs no file that this one stored for it meanwhile. */
  async #leaveNothing(): Promise<void> {
    const { store, artifacts } = this.#context;
    if ((await this.#patiently(() => store.get(this.jobId))) === null) await artifacts.deleteJob(this.jobId);
  }

  /** Stops training, with a checkpoint if that is quick, and puts the job back into the queue. */
  handBack(): void {
    this.#stopFor('handBack');
    this.#handBackTimer ??= setTimeout(() => this.#stop.abort(new Error('handBack')), HAND_BACK_MS);
  }

  /**
   * Renews the lease on the job, and looks what became of it meanwhile.
   * @param token BullMQ's, of the delivery
   */
  async renew(token: string): Promise<void> {
    const renewal = await this.#attempt?.renew(token);
    if (renewal === undefined) return;
    const wish = renewal.outcome === 'stale' ? 'lost' : wishOf(renewal.status);
    if (wish !== null) this.#stopFor(wish);
    else if (renewal.outcome !== 'held')
      this.#log.warn({ delivery: renewal.outcome }, 'the job is being delivered again; going on with it');
  }

  async #tryOnce(): Promise<RunEnd | 'again'> {
    const waiting = AbortSignal.any([this.#stop.signal, this.#pause.signal]);
    const child = await this.#context.pool.acquire(waiting).catch(() => undefined);
    if (child === undefined) return await this.#leaveWithoutChild();
    try {
      const claim = await this.#claim();
      if (claim.outcome !== 'claimed') {
        this.#log.info({ claim }, 'nothing to run');
        return 'ended';
      }
      this.#attempt = claim.attempt;
      this.#span = new AttemptSpan(claim, this.#context.worker);
      return await this.#train(claim, child);
    } finally {
      this.#span?.end();
      this.#span = undefined;
      this.#context.pool.release(child);
    }
  }

  async #train({ attempt, spec, checkpoint }: Claimed, child: TrainingChild): Promise<RunEnd | 'again'> {
    const log = this.#log.child({ attempt: attempt.number, ...this.#span?.logFields });
    log.info({ child: child.pid, checkpoint }, 'training');
    const { artifacts, abandoned, checkpointEveryMs, data, digests, redisHealth, uploads } = this.#context;
    this.#checkpoints.current = checkpoint;
    const journal = new AttemptJournal(attempt, this.#checkpoints, new SnapshotKeeper(artifacts, log), log, redisHealth, abandoned);
    const modelFile = artifacts.temporaryFile();
    let resumeFile: string | null = null;
    let initialFile: string | null = null;
    try {
      const error = await uploads.provide(spec.data, AbortSignal.any([this.#stop.signal, this.#pause.signal]));
      if (error !== null) return await this.#conclude({ kind: 'failed', error, detail: error.message }, attempt, journal, modelFile, log);
      resumeFile = checkpoint === null ? null : await this.#checkpoints.fetch(this.jobId, checkpoint);
      if (resumeFile === null && checkpoint !== null)
        await journal.say('warn', 'the last checkpoint is gone or damaged: training begins anew');
      if (resumeFile === null && spec.initialWeights !== undefined) {
        initialFile = await this.#checkpoints.fetch(this.jobId, initialWeightsFile);
        if (initialFile === null) return await this.#fail(attempt, initialWeightsGone, log);
      }
      const [checkpointFile, snapshotFile] = [artifacts.temporaryFile(), artifacts.temporaryFile()];
      const order = { spec, modelFile, checkpointFile, snapshotFile, checkpointEveryMs, resumeFile, initialFile, data };
      const signals = { stop: this.#stop.signal, pause: this.#pause.signal };
      const told = tellDataFound(attempt, spec, digests, (call) => this.#patiently(call), log);
      const outcome = await child.train(order, (events) => this.#store(events, journal), signals);
      await told;
      return await this.#conclude(outcome, attempt, journal, modelFile, log);
    } catch (error) {
      if (error instanceof StaleAttemptError || this.#context.abandoned.aborted) throw error;
      log.error({ err: error }, 'the attempt could not be followed to its end');
      this.#span?.failed('progressNotStored');
      this.#lastEnd = "its progress could not be stored; the worker's log has the details under this job's id";
      return 'again';
    } finally {
      await rm(modelFile, { force: true });
      for (const file of [resumeFile, initialFile]) if (file !== null) await rm(file, { force: true });
    }
  }

  async #store(events: readonly ReportedEvent[], journal: AttemptJournal): Promise<void> {
    const now = Date.now();
    await journal.store(events);
    this.#span?.tell(events, now);
  }

  async #fail(attempt: JobAttempt, error: JobError, log: Logger): Promise<RunEnd> {
    await this.#finish(attempt, { status: 'failed', error }, log);
    return 'ended';
  }

  /** The run was stopped while it waited for a child, perhaps after an attempt that died. */
  async #leaveWithoutChild(): Promise<RunEnd> {
    switch (this.#stopReason) {
      case 'cancel':
      case 'pause':
        // Claiming a job that is to be cancelled or paused does that.
        await this.#claim();
        return 'ended';
      case 'handBack':
        return this.#attempt === undefined ? 'handedBack' : await this.#release(this.#attempt, this.#log);
      default:
        return 'lost';
    }
  }

  #claim(): Promise<Claim> {
    return this.#patiently(() => this.#context.store.claim(this.jobId, this.#context.worker, this.#lastEnd));
  }

  async #conclude(
    outcome: Outcome,
    attempt: JobAttempt,
    journal: AttemptJournal,
    modelFile: string,
    log: Logger,
  ): Promise<RunEnd | 'again'> {
    if (this.#stopReason === 'lost') throw new StaleAttemptError(this.jobId, attempt.number);
    switch (outcome.kind) {
      case 'trained': {
        const status = await this.#finish(attempt, await this.#keep(modelFile, outcome.result, log), log);
        // The wish to cancel came at the last moment: a cancelled job has no model.
        if (status === 'cancelled') await this.#context.artifacts.delete(this.jobId, trainedWeightsFile);
        if (attempt.number > 1) await this.#checkpoints.sweep(this.jobId);
        return 'ended';
      }
      case 'failed':
        log.warn({ error: outcome.error, detail: outcome.detail }, 'training failed');
        return await this.#fail(attempt, outcome.error, log);
      case 'stopped':
      case 'paused':
      case 'died':
      case 'crashed':
        if (this.#stopReason === 'cancel') {
          await this.#finish(attempt, { status: 'cancelled' }, log);
          return 'ended';
        }
        if (this.#stopReason !== undefined) return await this.#release(attempt, log);
        if (outcome.kind === 'died' || outcome.kind === 'crashed') {
          const { message } = outcome.kind === 'died' ? describeDeath(outcome.death) : outcome.error;
          log.error({ outcome }, 'the training process died');
          await journal.say('error', `attempt ${attempt.number}: ${message}`);
          this.#span?.failed('trainingProcessDied');
          this.#lastEnd = message;
        }
        return 'again';
    }
  }

  /** Puts the model among the job's artifacts. @returns how the job ends: failed, when that cannot be done */
  async #keep(modelFile: string, result: JobResult, log: Logger): Promise<Ending> {
    try {
      const { bytes } = await this.#context.artifacts.putFile(this.jobId, trainedWeightsFile, modelFile);
      return { status: 'succeeded', result, modelBytes: bytes };
    } catch (error) {
      log.error({ err: error }, 'the model could not be stored');
      if (!(error instanceof ArtifactError)) return { status: 'failed', error: describeError(error).error };
      return { status: 'failed', error: { code: error.code, message: error.message, epoch: null, step: null } };
    }
  }

  async #finish(attempt: JobAttempt, ending: Ending, log: Logger): Promise<FinalStatus> {
    const finished = await this.#patiently(() => attempt.finish(ending));
    if (finished.outcome === 'stale') throw new StaleAttemptError(this.jobId, attempt.number);
    log.info({ status: finished.status }, 'the job has ended');
    this.#span?.ended(finished.status);
    if (finished.status === 'failed' && ending.status === 'failed') this.#span?.failed(ending.error.code);
    return finished.status;
  }

  async #release(attempt: JobAttempt, log: Logger): Promise<RunEnd> {
    const released = await this.#patiently(() => attempt.release());
    log.info({ released }, 'handed the job back');
    this.#span?.ended(released);
    return released === 'released' ? 'handedBack' : 'ended';
  }

  #stopFor(reason: StopReason | Wish): void {
    const isStronger = this.#stopReason === undefined || stopReasons.indexOf(reason) > stopReasons.indexOf(this.#stopReason);
    if (isStronger) this.#stopReason = reason;
    if (reason === 'cancel' || reason === 'lost') this.#stop.abort(new Error(reason));
    else this.#pause.abort(new Error(reason));
  }

  #patiently<T>(call: () => Promise<T>): Promise<T> {
    return patiently(call, this.#context.redisHealth, this.#context.abandoned);
  }
}
