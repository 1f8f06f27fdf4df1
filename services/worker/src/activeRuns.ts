// The jobs that this worker runs, and its answers to BullMQ for the wake-ups that led to them.
import { type ClaimedJob, type WakeUp } from '@trainyard/jobs';
import { type Job, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { JobRun, type RunContext } from './jobRun.ts';
import { patiently } from './patience.ts';
import type { TrainingChild } from './trainingChild.ts';

export class ActiveRuns {
  readonly #context: RunContext;
  readonly #log: Logger;
  readonly #runs = new Set<JobRun>();
  readonly #leaving = new AbortController();

  constructor(context: RunContext, log: Logger) {
    this.#context = context;
    this.#log = log;
  }

  /** The ids of the jobs that run. */
  get jobs(): string[] {
    return [...this.#runs].map(({ jobId }) => jobId);
  }

  /**
   * BullMQ's processor: takes a job and runs it to its end.
   * @returns when there was no job to take
   * @throws WaitingError when the wake-up has been dealt with already; another error when it is to be delivered again
   */
  async answer(wakeUp: Job<WakeUp>, token: string): Promise<void> {
    const child = await this.#context.pool.acquire(this.#leaving.signal).catch(() => undefined);
    if (child === undefined) return await this.#wakeAnother();
    const claim = await this.#take(child);
    if (claim === null) return;
    const run = new JobRun(claim, child, this.#context, this.#log.child({ jobId: claim.attempt.jobId }));
    this.#runs.add(run);
    if (this.#leaving.signal.aborted) run.handBack();
    try {
      const ended = run.follow();
      // At once: the lease keeps the job with this worker, not the wake-up.
      const completed = wakeUp.moveToCompleted(undefined, token, false).catch((error: unknown) => {
        this.#log.debug({ err: error }, 'the wake-up will be delivered again');
      });
      const end = await ended;
      await completed;
      if (end === 'handedBack') await this.#wakeAnother();
    } finally {
      this.#runs.delete(run);
    }
    throw new WaitingError();
  }

  /** Gives a sign of life for every job that runs. */
  async renewLeases(): Promise<void> {
    await Promise.all([...this.#runs].map(async (run) => await run.renew()));
  }

  /** Stops all jobs and has them queued again. */
  handBackAll(): void {
    this.#leaving.abort(new Error('the worker is closing'));
    for (const run of this.#runs) run.handBack();
  }

  /** @throws WaitingError when the worker leaves without waiting for Redis */
  async #take(child: TrainingChild): Promise<ClaimedJob | null> {
    const { store, worker, redisHealth, abandoned, pool } = this.#context;
    const claimId = store.newClaimId();
    let claim: ClaimedJob | null = null;
    try {
      claim = await patiently(() => store.take(worker, claimId), redisHealth, abandoned);
      return claim;
    } catch (error) {
      throw abandoned.aborted ? new WaitingError() : error;
    } finally {
      if (claim === null) pool.release(child);
    }
  }

  /** Another worker may have a place for what this one leaves. */
  async #wakeAnother(): Promise<void> {
    await this.#context.store.wakeWorkers().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'no other worker could be woken; one looks by itself within seconds');
    });
  }
}
