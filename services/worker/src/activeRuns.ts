// Starts and tracks the jobs that this worker runs. A run starts with a wake-up. This BullMQ job means that a training job is waiting, but
// it does not name the training job.
import { type ClaimedJob, type WakeUp } from '@trainyard/jobs';
import { type Job, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { JobRun, type RunContext } from './jobRun.ts';
import { retryRedis } from './retryRedis.ts';
import type { TrainingChild } from './trainingChild.ts';

export class ActiveRuns {
  readonly #context: RunContext;
  readonly #log: Logger;
  readonly #runs = new Set<JobRun>();
  readonly #closing = new AbortController();

  constructor(context: RunContext, log: Logger) {
    this.#context = context;
    this.#log = log;
  }

  /** The ids of the running jobs. */
  get jobs(): string[] {
    return [...this.#runs].map(({ jobId }) => jobId);
  }

  /**
   * Processes a wake-up for BullMQ: takes the next training job and runs it to its end. Returns normally if no job is waiting or the worker
   * closes. BullMQ then completes the wake-up.
   * @throws WaitingError if BullMQ must not change the wake-up, for example after a run, which completes the wake-up itself
   * @throws any other error if BullMQ must deliver the wake-up again
   */
  async process(wakeUp: Job<WakeUp>, token: string): Promise<void> {
    const child = await this.#context.pool.acquire(this.#closing.signal).catch(() => undefined);
    if (child === undefined) return await this.#wakeOtherWorkers();
    const claim = await this.#take(child);
    if (claim === null) return;
    const run = new JobRun(claim, child, this.#context, this.#log.child({ jobId: claim.attempt.jobId }));
    this.#runs.add(run);
    if (this.#closing.signal.aborted) run.handBack();
    try {
      const ended = run.run();
      // Completes the wake-up while the job still runs. From now on the lease alone shows that this worker has the job.
      const completed = wakeUp.moveToCompleted(undefined, token, false).catch((error: unknown) => {
        this.#log.debug({ err: error }, 'the wake-up could not be completed; it will be delivered again');
      });
      const end = await ended;
      await completed;
      if (end === 'handedBack') await this.#wakeOtherWorkers();
    } finally {
      this.#runs.delete(run);
    }
    throw new WaitingError();
  }

  /** Renews the lease of each running job. */
  async renewLeases(): Promise<void> {
    await Promise.all([...this.#runs].map(async (run) => await run.renew()));
  }

  /** Stops all jobs and returns them to the queue. */
  handBackAll(): void {
    this.#closing.abort(new Error('the worker is closing'));
    for (const run of this.#runs) run.handBack();
  }

  /** Takes the next job. @returns null if no job is waiting @throws WaitingError if the worker closes before Redis has replied */
  async #take(child: TrainingChild): Promise<ClaimedJob | null> {
    const { store, worker, redisHealth, abandoned, pool } = this.#context;
    const claimId = store.newClaimId();
    let claim: ClaimedJob | null = null;
    try {
      claim = await retryRedis(() => store.take(worker, claimId), redisHealth, abandoned);
      return claim;
    } catch (error) {
      throw abandoned.aborted ? new WaitingError() : error;
    } finally {
      if (claim === null) pool.release(child);
    }
  }

  /** Wakes other workers, so that a free worker takes the job that this worker does not run. */
  async #wakeOtherWorkers(): Promise<void> {
    await this.#context.store.wakeWorkers().catch((error: unknown) => {
      this.#log.warn({ err: error }, 'no other worker could be woken; workers look for waiting jobs every few seconds');
    });
  }
}
