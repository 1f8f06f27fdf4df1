// Writes what a training child says into the job's record and history: epochs all, in order and once; phases and steps
// only the newest of a batch, which is all that anyone can see. It waits for Redis as long as it takes.
import type { EpochMetrics } from '@trainyard/contracts';
import type { TrainingEvent } from '@trainyard/engine';
import { type JobAttempt, JobsError } from '@trainyard/jobs';
import type { Logger } from 'pino';
import { patiently } from './patience.ts';

type EventOf<T extends TrainingEvent['type']> = Extract<TrainingEvent, { type: T }>;

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
  readonly #abandoned: AbortSignal;
  readonly #remembered: EpochMetrics[] = [];
  #phase: string | undefined;
  #lastProgress = Number.NEGATIVE_INFINITY;

  /** @param abandoned ends the waiting for Redis */
  constructor(attempt: JobAttempt, log: Logger, abandoned: AbortSignal) {
    this.#attempt = attempt;
    this.#log = log;
    this.#abandoned = abandoned;
  }

  /**
   * Stores a batch; resolves when Redis has all of it. One batch at a time.
   * @throws StaleAttemptError
   */
  async store(events: readonly TrainingEvent[]): Promise<void> {
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

  async #storeEpochs(epochs: readonly EpochMetrics[]): Promise<void> {
    this.#remembered.push(...epochs);
    this.#remembered.splice(0, this.#remembered.length - Math.max(REMEMBERED_EPOCHS, epochs.length));
    try {
      await this.#append(epochs);
    } catch (error) {
      if (!(error instanceof JobsError && error.code === 'epochGap')) throw error;
      this.#log.warn({ err: error }, 'Redis has lost epochs that it had confirmed; writing them again');
      await this.#append(this.#remembered);
    }
  }

  /** All commands leave at once, in order, so that a batch costs one round trip. */
  async #append(epochs: readonly EpochMetrics[]): Promise<void> {
    const appended = await Promise.all(epochs.map((metrics) => this.#patiently(() => this.#attempt.appendEpoch(metrics))));
    for (const { outcome } of appended) this.#heed(outcome);
  }

  async #storeProgress({ file, bytesDone, bytesTotal }: EventOf<'progress'>): Promise<void> {
    const now = performance.now();
    if (now - this.#lastProgress < PROGRESS_LOG_MS) return;
    this.#lastProgress = now;
    await this.say('info', `loading ${file}: ${Math.floor((100 * bytesDone) / bytesTotal)} % of ${(bytesTotal / 1e6).toFixed(1)} MB`);
  }

  #patiently<T>(call: () => Promise<T>): Promise<T> {
    return patiently(call, this.#log, this.#abandoned);
  }

  #heed(outcome: string): void {
    if (outcome === 'stale') throw new StaleAttemptError(this.#attempt.jobId, this.#attempt.number);
  }
}
