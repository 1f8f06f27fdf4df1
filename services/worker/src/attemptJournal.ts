// Writes what a training child says into the job's record and history: epochs all, in order and once; phases and steps
// only the newest of a batch, which is all that anyone can see; checkpoints after the epochs that they hold. It waits for Redis
// as long as it takes.
import type { EpochMetrics } from '@trainyard/contracts';
import { ArtifactError, type JobAttempt, JobsError, type RedisHealth } from '@trainyard/jobs';
import type { Logger } from 'pino';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import type { ReportedEvent } from './messages.ts';
import { patiently } from './patience.ts';
import type { SnapshotKeeper } from './snapshotKeeper.ts';

type EventOf<T extends ReportedEvent['type']> = Extract<ReportedEvent, { type: T }>;

/** Another worker has the job, or it has ended: nothing that this attempt says counts any more. */
export class StaleAttemptError extends Error {
  readonly code = 'staleAttempt';

  constructor(jobId: string, attempt: number) {
    super(`attempt ${attempt} of ${jobId} no longer counts: the job was taken over or has ended`);
    this.name = 'StaleAttemptError';
  }
}

/** Epochs kept to fill in what a Redis that came back from its last save has forgotten. */
const REMEMBERED_EPOCHS = 1_000;

/** While data loads, the job's log gets a line this often at most. */
const PROGRESS_LOG_MS = 2_000;

export class AttemptJournal {
  readonly #attempt: JobAttempt;
  readonly #log: Logger;
  readonly #health: Pick<RedisHealth, 'report'>;
  readonly #abandoned: AbortSignal;
  readonly #checkpoints: CheckpointKeeper;
  readonly #snapshots: SnapshotKeeper;
  readonly #remembered: EpochMetrics[] = [];
  #phase: string | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;

  /** @param abandoned ends the waiting for Redis */
  constructor(
    attempt: JobAttempt,
    checkpoints: CheckpointKeeper,
    snapshots: SnapshotKeeper,
    log: Logger,
    health: Pick<RedisHealth, 'report'>,
    abandoned: AbortSignal,
  ) {
    this.#attempt = attempt;
    this.#checkpoints = checkpoints;
    this.#snapshots = snapshots;
    this.#log = log;
    this.#health = health;
    this.#abandoned = abandoned;
  }

  /**
   * Stores a batch; resolves when Redis has all of it. One batch at a time.
   * @throws StaleAttemptError
   */
  async store(events: readonly ReportedEvent[]): Promise<void> {
    const epochs = events.filter((event) => event.type === 'epoch');
    const phase = events.findLast((event) => event.type === 'phase');
    const step = events.findLast((event) => event.type === 'step');
    const progress = events.findLast((event) => event.type === 'progress');
    const isStepFirst = step !== undefined && step.epoch <= (epochs[0]?.epoch ?? Number.POSITIVE_INFINITY);
    if (phase !== undefined && phase.phase !== this.#phase) await this.#storePhase(phase);
    if (progress !== undefined) await this.#storeProgress(progress);
    if (isStepFirst) await this.#tellStep(step);
    if (epochs.length > 0) await this.#storeEpochs(epochs);
    if (!isStepFirst && step !== undefined) await this.#tellStep(step);
    for (const event of events) {
      if (event.type === 'snapshots') await this.#storeSnapshots(event);
      if (event.type === 'checkpoint') await this.#storeCheckpoint(event);
      if (event.type === 'log') await this.say(event.level, event.message);
    }
  }

  /** Adds a line to the job's log. @throws StaleAttemptError */
  async say(level: 'info' | 'warn' | 'error', message: string): Promise<void> {
    this.#heed((await this.#patiently(() => this.#attempt.appendLog(level, message))).outcome);
  }

  async #storePhase({ phase }: EventOf<'phase'>): Promise<void> {
    this.#phase = phase;
    this.#heed(await this.#patiently(() => this.#attempt.setPhase(phase)));
  }

  async #tellStep(step: EventOf<'step'>): Promise<void> {
    this.#heed(await this.#patiently(() => this.#attempt.publishStep(step)));
  }

  async #storeSnapshots({ kind, file, epochs }: EventOf<'snapshots'>): Promise<void> {
    const stored = await this.#snapshots.take(file, this.#attempt.jobId, kind, epochs);
    if (stored instanceof ArtifactError) {
      await this.say('warn', `the ${kind} of some epochs could not be stored, training goes on: ${stored.message}`);
      return;
    }
    const counted = this.#patiently(() => this.#attempt.countFile(stored.name, stored.bytes));
    const announced = kind === 'gradients' && this.#patiently(() => this.#attempt.announceGradients(epochs));
    const [, outcome] = await Promise.all([counted, announced]);
    if (outcome !== false) this.#heed(outcome);
  }

  async #storeCheckpoint({ file, epoch, step, bytes }: EventOf<'checkpoint'>): Promise<void> {
    const name = await this.#checkpoints.take(file, this.#attempt);
    if (typeof name !== 'string') {
      await this.say('warn', `a checkpoint could not be stored, training goes on without it: ${name.message}`);
      return;
    }
    const point = async () => await this.#patiently(() => this.#attempt.storeCheckpoint({ epoch, step, bytes }, name));
    const stored = await point().catch(async (error: unknown) => {
      await this.#appendLost(error);
      return await point();
    });
    if (stored.outcome === 'stored') this.#checkpoints.current = name;
    await this.#checkpoints.drop(this.#attempt.jobId, stored.outcome === 'stale' ? name : stored.replaced);
    this.#heed(stored.outcome);
  }

  async #storeEpochs(epochs: readonly EpochMetrics[]): Promise<void> {
    this.#remembered.push(...epochs);
    this.#remembered.splice(0, this.#remembered.length - Math.max(REMEMBERED_EPOCHS, epochs.length));
    await this.#append(epochs).catch(async (error: unknown) => await this.#appendLost(error));
  }

  /** @throws the error, unless it says that epochs are missing; they are written again then. */
  async #appendLost(error: unknown): Promise<void> {
    if (!(error instanceof JobsError && error.code === 'epochGap')) throw error;
    this.#log.warn({ err: error }, 'Redis has lost epochs that it had confirmed; writing them again');
    await this.#append(this.#remembered);
  }

  /**
   * All commands are sent at once, in order, so that a batch costs one round trip. Where Redis refuses one, those behind it fail for the
   * gap that it leaves: the first error decides, and the whole batch is sent again.
   */
  async #append(epochs: readonly EpochMetrics[]): Promise<void> {
    const appended = await this.#patiently(async () => {
      const results = await Promise.allSettled(epochs.map(async (metrics) => await this.#attempt.appendEpoch(metrics)));
      return results.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value;
      });
    });
    for (const { outcome } of appended) this.#heed(outcome);
  }

  async #storeProgress({ file, bytesDone, bytesTotal }: EventOf<'progress'>): Promise<void> {
    const now = performance.now();
    if (now - this.#lastProgress < PROGRESS_LOG_MS) return;
    this.#lastProgress = now;
    await this.say('info', `loading ${file}: ${Math.floor((100 * bytesDone) / bytesTotal)} % of ${(bytesTotal / 1e6).toFixed(1)} MB`);
  }

  #patiently<T>(call: () => Promise<T>): Promise<T> {
    return patiently(call, this.#health, this.#abandoned);
  }

  #heed(outcome: string): void {
    if (outcome === 'stale') throw new StaleAttemptError(this.#attempt.jobId, this.#attempt.number);
  }
}
