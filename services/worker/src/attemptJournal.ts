// Writes the events of a training child into the job's record and history. Every epoch is written once, in order. From each
// batch only the newest phase and the newest step are written, because the record shows no older ones. A checkpoint is recorded after its
// epochs. Every write waits until Redis is available. Files are stored in the background, so that no epoch waits for the storage.
import { stat } from 'node:fs/promises';
import type { EpochMetrics } from '@trainyard/contracts';
import { type ArtifactStore, type JobAttempt, JobsError, type RedisHealth, snapshotName } from '@trainyard/jobs';
import type { Logger } from 'pino';
import type { BackgroundUploads } from './backgroundUploads.ts';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import type { ReportedEvent } from './messages.ts';
import { retryRedis } from './retryRedis.ts';
import { describeStoreError } from './storageRefusal.ts';
import type { StorageOutage } from './storageWaits.ts';

type EventOf<T extends ReportedEvent['type']> = Extract<ReportedEvent, { type: T }>;

/** Another worker has the job, or the job has ended. This attempt can write nothing more. */
export class StaleAttemptError extends Error {
  readonly code = 'staleAttempt';

  constructor(jobId: string, attempt: number) {
    super(`attempt ${attempt} of ${jobId} is stale: another worker has taken over the job, or the job has ended`);
    this.name = 'StaleAttemptError';
  }
}

/** How many of the last epochs are kept in memory. They are written again if Redis has restarted from an older save. */
const REMEMBERED_EPOCHS = 1_000;

/** The shortest time between two log lines about loading data, in ms. */
const PROGRESS_LOG_MS = 2_000;

export interface JournalOptions {
  readonly attempt: JobAttempt;
  readonly artifacts: ArtifactStore;
  readonly checkpoints: CheckpointKeeper;
  readonly uploads: BackgroundUploads;
  readonly outage: StorageOutage;
  readonly log: Logger;
  /** Records errors of Redis, and logs outages. */
  readonly redisHealth: Pick<RedisHealth, 'report'>;
  /** Ends every wait for Redis. */
  readonly abandoned: AbortSignal;
}

export class AttemptJournal {
  readonly #options: JournalOptions;
  readonly #remembered: EpochMetrics[] = [];
  readonly #loggedFailures = new Set<string>();
  #phase: string | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #endScratchOutage: ((isBack: boolean) => void) | undefined;
  /** The number of log lines so far. */
  #lines = 0;
  /** Resolves when all log lines so far are stored or have failed. */
  #linesWritten: Promise<unknown> = Promise.resolve();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /**
   * Stores a batch. Resolves when Redis has stored all events of the batch and its files are queued for upload. Call it for one batch at a
   * time.
   * @throws StaleAttemptError if another worker has taken over the job, or the job has ended
   */
  async store(events: readonly ReportedEvent[]): Promise<void> {
    const epochs = events.filter((event) => event.type === 'epoch');
    const phase = events.findLast((event) => event.type === 'phase');
    const step = events.findLast((event) => event.type === 'step');
    const progress = events.findLast((event) => event.type === 'progress');
    const isStepFirst = step !== undefined && step.epoch <= (epochs[0]?.epoch ?? Number.POSITIVE_INFINITY);
    if (phase !== undefined && phase.phase !== this.#phase) await this.#storePhase(phase);
    if (progress !== undefined) await this.#storeProgress(progress);
    // A slow Redis makes batches long. The epochs before the step need its number of steps too.
    if (step !== undefined) this.#options.attempt.stepsPerEpoch = step.stepsPerEpoch;
    if (isStepFirst) await this.#storeStep(step);
    if (epochs.length > 0) await this.#storeEpochs(epochs);
    if (!isStepFirst && step !== undefined) await this.#storeStep(step);
    for (const event of events) {
      if (event.type === 'snapshots') await this.#uploadSnapshots(event);
      if (event.type === 'checkpoint') await this.#uploadCheckpoint(event);
      if (event.type === 'scratch') this.#updateScratchOutage(event);
      if (event.type === 'log') await this.appendLog(event.level, event.message);
    }
  }

  /**
   * Adds a line to the job's log. Lines are sent one after the other and have numbers, so that a line that is sent again is stored once.
   * @throws StaleAttemptError if another worker has taken over the job, or the job has ended
   */
  async appendLog(level: 'info' | 'warn' | 'error', message: string): Promise<void> {
    const line = (this.#lines += 1);
    const written = this.#linesWritten.then(async () => await this.#withRedis(() => this.#options.attempt.appendLog(level, message, line)));
    this.#linesWritten = written.catch(() => undefined);
    this.#throwIfStale((await written).outcome);
  }

  async #storePhase({ phase }: EventOf<'phase'>): Promise<void> {
    this.#phase = phase;
    this.#throwIfStale(await this.#withRedis(() => this.#options.attempt.setPhase(phase)));
  }

  async #storeStep(step: EventOf<'step'>): Promise<void> {
    this.#throwIfStale(await this.#withRedis(() => this.#options.attempt.publishStep(step)));
  }

  async #uploadSnapshots({ kind, file, epochs }: EventOf<'snapshots'>): Promise<void> {
    const { attempt, artifacts, uploads } = this.#options;
    const name = snapshotName(kind, epochs[0] ?? 0, epochs.at(-1) ?? 0);
    const { size: bytes } = await stat(file);
    await uploads.add({
      file,
      bytes,
      isCheckpoint: false,
      store: async (signal) => await artifacts.putFile(attempt.jobId, name, file, signal),
      record: async () => {
        const counted = this.#withRedis(() => attempt.countFile(name, bytes));
        const announced = kind === 'gradients' && this.#withRedis(() => attempt.announceGradients(epochs));
        const [, outcome] = await Promise.all([counted, announced]);
        if (outcome !== false) this.#throwIfStale(outcome);
      },
      giveUp: async (error) => await this.#logNotStored(`the ${kind} of some epochs`, error),
    });
  }

  async #uploadCheckpoint({ file, epoch, step, bytes }: EventOf<'checkpoint'>): Promise<void> {
    const { attempt, checkpoints, uploads } = this.#options;
    const { jobId } = attempt;
    const name = checkpoints.nextName(attempt);
    const point = async () => await this.#withRedis(() => attempt.storeCheckpoint({ epoch, step, bytes }, name));
    await uploads.add({
      file,
      bytes,
      isCheckpoint: true,
      store: async (signal) => await checkpoints.store(jobId, name, file, signal),
      record: async () => {
        const stored = await point().catch(async (error: unknown) => {
          await this.#appendLost(error);
          return await point();
        });
        if (stored.outcome === 'stored') checkpoints.current = name;
        await checkpoints.drop(jobId, stored.outcome === 'stale' ? name : stored.replaced);
        this.#throwIfStale(stored.outcome);
      },
      giveUp: async (error) => await this.#logNotStored('a checkpoint', error),
    });
  }

  /** Logs an error that a retry cannot solve. Files that fail with the same message are logged once. */
  async #logNotStored(what: string, error: unknown): Promise<void> {
    const message = `${what} could not be stored, training continues: ${describeStoreError(error).message}`;
    if (this.#loggedFailures.has(message)) return;
    this.#loggedFailures.add(message);
    this.#options.log.error({ err: error }, `${what} could not be stored`);
    await this.appendLog('warn', message);
  }

  /** Begins or ends an outage of the worker's disk, as reported by the training process. */
  #updateScratchOutage({ problem }: EventOf<'scratch'>): void {
    if (problem !== null) this.#endScratchOutage ??= this.#options.outage.begin(problem);
    else this.endScratchOutage(true);
  }

  /**
   * Ends the outage of the worker's disk, if there is one.
   * @param isBack whether the disk is available again; false if the attempt ends during the outage
   */
  endScratchOutage(isBack = false): void {
    this.#endScratchOutage?.(isBack);
    this.#endScratchOutage = undefined;
  }

  async #storeEpochs(epochs: readonly EpochMetrics[]): Promise<void> {
    this.#remembered.push(...epochs);
    this.#remembered.splice(0, this.#remembered.length - Math.max(REMEMBERED_EPOCHS, epochs.length));
    await this.#append(epochs).catch(async (error: unknown) => await this.#appendLost(error));
  }

  /** Writes the remembered epochs again if the error is `epochGap`. @throws any other error */
  async #appendLost(error: unknown): Promise<void> {
    if (!(error instanceof JobsError && error.code === 'epochGap')) throw error;
    this.#options.log.warn({ err: error }, 'Redis has lost epochs that it had confirmed; writing them again');
    await this.#append(this.#remembered);
  }

  /**
   * Sends all epochs at once, in order, so that a batch costs one round trip. If Redis refuses an epoch, all later epochs of the batch fail
   * with `epochGap`. So only the first error counts: if it means that Redis is unavailable, the whole batch is sent again.
   */
  async #append(epochs: readonly EpochMetrics[]): Promise<void> {
    const appended = await this.#withRedis(async () => {
      const results = await Promise.allSettled(epochs.map(async (metrics) => await this.#options.attempt.appendEpoch(metrics)));
      return results.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value;
      });
    });
    for (const { outcome } of appended) this.#throwIfStale(outcome);
  }

  async #storeProgress({ file, bytesDone, bytesTotal }: EventOf<'progress'>): Promise<void> {
    const now = performance.now();
    if (now - this.#lastProgress < PROGRESS_LOG_MS) return;
    this.#lastProgress = now;
    await this.appendLog('info', `loading ${file}: ${Math.floor((100 * bytesDone) / bytesTotal)} % of ${(bytesTotal / 1e6).toFixed(1)} MB`);
  }

  #withRedis<T>(call: () => Promise<T>): Promise<T> {
    return retryRedis(call, this.#options.redisHealth, this.#options.abandoned);
  }

  #throwIfStale(outcome: string): void {
    if (outcome === 'stale') throw new StaleAttemptError(this.#options.attempt.jobId, this.#options.attempt.number);
  }
}
