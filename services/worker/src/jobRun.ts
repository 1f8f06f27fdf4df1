// Runs one taken job: attempt after attempt in a training child, until the job has ended, is queued again or belongs to another worker.
// attemptRun.ts runs a single attempt, activeRuns.ts takes jobs.
import {
  type Claim,
  type ClaimedJob,
  type JobAttempt,
  type PreviousEnd,
  type Remains,
  type Wish,
  type WishBus,
  wishOf,
} from '@trainyard/jobs';
import type { Logger } from 'pino';
import { StaleAttemptError } from './attemptJournal.ts';
import { type AttemptContext, type AttemptControl, type AttemptResult, AttemptRun, type StopReason, stopReasons } from './attemptRun.ts';
import { AttemptSpan } from './attemptSpan.ts';
import { CheckpointKeeper } from './checkpointKeeper.ts';
import type { ChildPool } from './childPool.ts';
import { patiently } from './patience.ts';
import type { TrainingChild } from './trainingChild.ts';

/** The parts that all runs of a worker share. */
export interface RunContext extends AttemptContext {
  wishes: WishBus;
  remains: Remains;
  pool: ChildPool;
  /** The worker's name, as jobs show it. */
  worker: string;
}

/**
 * The end of a run:
 * - `ended`: the job needs no worker now: it has ended, is paused or was deleted.
 * - `handedBack`: the job is queued again.
 * - `lost`: another worker has the job or will get it.
 */
export type RunEnd = 'ended' | 'handedBack' | 'lost';

/** A claimed job and the child to train it. */
interface Start {
  readonly claim: ClaimedJob;
  readonly child: TrainingChild;
}

/** How long a job may take to write its checkpoint when it is handed back, in ms. After that it is stopped. */
const HAND_BACK_MS = 2_500;
/** How many children may die before they have accepted the job. Later deaths count as attempts without progress. */
const UNCOUNTED_DEATHS = 10;

export class JobRun {
  readonly jobId: string;
  readonly #context: RunContext;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #pause = new AbortController();
  readonly #control: AttemptControl = { stop: this.#stop.signal, pause: this.#pause.signal, reason: () => this.#stopReason };
  readonly #checkpoints: CheckpointKeeper;
  readonly #first: Start;
  #handBackTimer: NodeJS.Timeout | undefined;
  #stopReason: StopReason | undefined;
  #attempt: JobAttempt;
  /** The end of the previous attempt. */
  #previous: PreviousEnd | undefined;
  #uncountedDeaths = 0;

  /** @param child a warm child for the first attempt. The run gives it back to the pool. */
  constructor(claim: ClaimedJob, child: TrainingChild, context: RunContext, log: Logger) {
    this.jobId = claim.attempt.jobId;
    this.#attempt = claim.attempt;
    this.#first = { claim, child };
    this.#context = context;
    this.#log = log;
    this.#checkpoints = new CheckpointKeeper(context.artifacts, log);
  }

  /** Runs the job. Resolves when this worker has nothing more to do for it. */
  async follow(): Promise<RunEnd> {
    const endWatch = this.#context.wishes.watch(this.jobId, (wish) => this.#stopFor(wish));
    try {
      for (let result: RunEnd | AttemptResult = await this.#run(this.#first); ; result = await this.#tryAgain()) {
        if (typeof result === 'string') return result;
        if (!result.isCounted) this.#uncountedDeaths += 1;
        this.#previous = { ...result, isCounted: result.isCounted || this.#uncountedDeaths > UNCOUNTED_DEATHS };
      }
    } catch (error) {
      if (error instanceof StaleAttemptError) {
        this.#log.info('dropping the job: another worker has taken it over, or it has ended');
        await this.#expireFiles().catch((error: unknown) =>
          this.#log.warn({ err: error }, 'files of a deleted job may be left in the storage'),
        );
        return 'lost';
      }
      if (this.#context.abandoned.aborted) return 'lost';
      throw error;
    } finally {
      endWatch();
      clearTimeout(this.#handBackTimer);
    }
  }

  /**
   * Schedules the removal of the job's files if the job does not exist any more, because this worker may have stored files after the
   * deletion. They are kept for a day: if Redis has lost its data, a backup may restore the job.
   */
  async #expireFiles(): Promise<void> {
    const { store, remains } = this.#context;
    if ((await this.#patiently(() => store.get(this.jobId))) === null) await this.#patiently(() => remains.forget(this.jobId));
  }

  /** Stops the training and returns the job to the queue, with a new checkpoint if that can be written in time. */
  handBack(): void {
    this.#stopFor('handBack');
    this.#handBackTimer ??= setTimeout(() => this.#stop.abort(new Error('handBack')), HAND_BACK_MS);
  }

  /** Renews the lease on the job, and stops the run if the job was lost, cancelled or paused meanwhile. */
  async renew(): Promise<void> {
    const renewal = await this.#attempt.renew();
    const wish = renewal.outcome === 'stale' ? 'lost' : wishOf(renewal.status);
    if (wish !== null) this.#stopFor(wish);
  }

  async #tryAgain(): Promise<RunEnd | AttemptResult> {
    const { pool } = this.#context;
    const waiting = AbortSignal.any([this.#stop.signal, this.#pause.signal]);
    const child = await pool.acquire(waiting).catch(() => undefined);
    if (child === undefined) return await this.#leaveWithoutChild();
    let claim: Claim | undefined;
    try {
      claim = await this.#claim();
    } finally {
      if (claim?.outcome !== 'claimed') pool.release(child);
    }
    if (claim.outcome === 'claimed') return await this.#run({ claim, child });
    this.#log.info({ claim }, 'the job needs no further attempt');
    return 'ended';
  }

  async #run({ claim, child }: Start): Promise<AttemptResult> {
    const { pool, worker } = this.#context;
    this.#attempt = claim.attempt;
    const span = new AttemptSpan(claim, worker);
    try {
      const shared = { context: this.#context, control: this.#control, checkpoints: this.#checkpoints };
      return await new AttemptRun({ claim, child, span, log: this.#log, ...shared }).run();
    } finally {
      span.end();
      pool.release(child);
    }
  }

  /** Ends a run that was stopped while it waited for a child, after the child of the previous attempt had died. */
  async #leaveWithoutChild(): Promise<RunEnd> {
    switch (this.#stopReason) {
      case 'cancel':
      case 'pause':
        // The claim script cancels or pauses the job if that was requested.
        await this.#claim();
        return 'ended';
      case 'handBack':
        return await this.#release(this.#attempt);
      default:
        return 'lost';
    }
  }

  async #release(attempt: JobAttempt): Promise<RunEnd> {
    const released = await this.#patiently(() => attempt.release());
    this.#log.info({ released }, 'handed the job back');
    return released === 'released' ? 'handedBack' : 'ended';
  }

  #claim(): Promise<Claim> {
    return this.#patiently(() => this.#context.store.claim(this.jobId, this.#context.worker, this.#previous));
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
