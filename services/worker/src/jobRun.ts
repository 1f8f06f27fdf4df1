// Runs one taken job: attempt after attempt in a training child, until the job has ended, is queued again or belongs to another worker.
// attemptRun.ts runs a single attempt, activeRuns.ts takes jobs.
import {
  type Claim,
  type ClaimedJob,
  type JobAttempt,
  type PreviousEnd,
  type ReservedFiles,
  type ActionRequests,
  actionRequestOf,
} from '@trainyard/jobs';
import type { Logger } from 'pino';
import { StaleAttemptError } from './attemptJournal.ts';
import { type AttemptContext, type AttemptResult, AttemptRun, pauseOrHandBack, type RunResult } from './attemptRun.ts';
import { AttemptSpan } from './attemptSpan.ts';
import { CheckpointKeeper } from './checkpointKeeper.ts';
import type { ChildPool } from './childPool.ts';
import { retryRedis } from './retryRedis.ts';
import { StopRequest } from './stopRequest.ts';
import type { TrainingChild } from './trainingChild.ts';

/** The parts that all runs of a worker share. */
export interface RunContext extends AttemptContext {
  actionRequests: ActionRequests;
  reservedFiles: ReservedFiles;
  pool: ChildPool;
  /** The worker's name, as jobs show it. */
  worker: string;
}

/** A claimed job and the child to train it. */
interface ClaimedAttempt {
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
  readonly #stopRequest = new StopRequest();
  readonly #checkpoints: CheckpointKeeper;
  readonly #first: ClaimedAttempt;
  #handBackTimer: NodeJS.Timeout | undefined;
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
  async run(): Promise<RunResult> {
    const endWatch = this.#context.actionRequests.watch(this.jobId, (action) => this.#stopRequest.request(action));
    try {
      for (let result = await this.#runAttempt(this.#first); ; result = await this.#retry()) {
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
    const { store, reservedFiles } = this.#context;
    if ((await this.#withRedis(() => store.get(this.jobId))) === null) await this.#withRedis(() => reservedFiles.forget(this.jobId));
  }

  /** Stops the training and returns the job to the queue, with a new checkpoint if that can be written in time. */
  handBack(): void {
    this.#stopRequest.request('handBack');
    this.#handBackTimer ??= setTimeout(() => this.#stopRequest.stopNow(), HAND_BACK_MS);
  }

  /** Renews the lease on the job, and stops the run if the job was lost, cancelled or paused meanwhile. */
  async renew(): Promise<void> {
    const renewal = await this.#attempt.renew();
    const reason = renewal.outcome === 'stale' ? 'lost' : actionRequestOf(renewal.status);
    if (reason !== null) this.#stopRequest.request(reason);
  }

  async #retry(): Promise<AttemptResult> {
    const { pool } = this.#context;
    const child = await pool.acquire(this.#stopRequest.any).catch(() => undefined);
    if (child === undefined) return await this.#endWithoutChild();
    let claim: Claim | undefined;
    try {
      claim = await this.#claim();
    } finally {
      if (claim?.outcome !== 'claimed') pool.release(child);
    }
    if (claim.outcome === 'claimed') return await this.#runAttempt({ claim, child });
    this.#log.info({ claim }, 'the job needs no further attempt');
    return 'ended';
  }

  async #runAttempt({ claim, child }: ClaimedAttempt): Promise<AttemptResult> {
    const { pool, worker } = this.#context;
    this.#attempt = claim.attempt;
    const span = new AttemptSpan(claim, worker);
    try {
      const shared = { context: this.#context, stopRequest: this.#stopRequest, checkpoints: this.#checkpoints };
      return await new AttemptRun({ claim, child, span, log: this.#log, ...shared }).run();
    } finally {
      span.end();
      pool.release(child);
    }
  }

  /** Ends a run that was stopped before it got a child for its next attempt. */
  async #endWithoutChild(): Promise<RunResult> {
    switch (this.#stopRequest.reason) {
      case 'cancel':
      case 'pause':
        // The claim script cancels or pauses the job if that was requested.
        await this.#claim();
        return 'ended';
      case 'handBack':
        return await pauseOrHandBack(this.#attempt, this.#context, this.#log);
      default:
        return 'lost';
    }
  }

  #claim(): Promise<Claim> {
    return this.#withRedis(() => this.#context.store.claim(this.jobId, this.#context.worker, this.#previous));
  }

  #withRedis<T>(call: () => Promise<T>): Promise<T> {
    return retryRedis(call, this.#context.redisHealth, this.#context.abandoned);
  }
}
