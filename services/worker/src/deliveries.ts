// The jobs that this worker has in hand, and its answers to BullMQ for their deliveries. A job may be delivered to us a
// second time while we run it (its lock ran out while Redis was away): the run then goes on under the new delivery.
import type { TrainDelivery } from '@trainyard/jobs';
import { type Job, WaitingError } from 'bullmq';
import type { Logger } from 'pino';
import { JobRun, type RunContext, type RunEnd } from './jobRun.ts';

interface ActiveRun {
  readonly run: JobRun;
  readonly end: Promise<RunEnd>;
  /** BullMQ's, of the newest delivery. */
  token: string;
}

export class Deliveries {
  readonly #context: RunContext;
  readonly #log: Logger;
  readonly #active = new Map<string, ActiveRun>();

  constructor(context: RunContext, log: Logger) {
    this.#context = context;
    this.#log = log;
  }

  /** The ids of the jobs in hand. */
  get jobs(): string[] {
    return [...this.#active.keys()];
  }

  /**
   * BullMQ's processor.
   * @returns when nobody needs the delivery any more
   * @throws WaitingError when BullMQ is to leave the delivery alone, as it is queued again or someone else's; another
   *   error when it is to deliver the job again
   */
  async answer(job: Job<TrainDelivery>, token: string): Promise<void> {
    const { jobId } = job.data;
    const present = this.#active.get(jobId);
    const active = present ?? this.#begin(jobId, token);
    active.token = token;
    const end = await active.end;
    if (end === 'ended' && active.token === token) return;
    if (end === 'handedBack' && active.token === token) {
      await job.moveToWait(token).catch((error: unknown) => this.#log.warn({ err: error, jobId }, 'the job will be delivered again later'));
    }
    if (end === 'lost' && present !== undefined) {
      throw new Error(`${jobId} was lost to another worker before it was delivered to this one again`);
    }
    throw new WaitingError();
  }

  /** Gives a sign of life for every job in hand. */
  async renewLeases(): Promise<void> {
    await Promise.all([...this.#active.values()].map(async ({ run, token }) => await run.renew(token)));
  }

  /** Stops all jobs and has them queued again. */
  handBackAll(): void {
    for (const { run } of this.#active.values()) run.handBack();
  }

  #begin(jobId: string, token: string): ActiveRun {
    const run = new JobRun(jobId, this.#context, this.#log.child({ jobId }));
    const end = run.follow().finally(() => this.#active.delete(jobId));
    const active = { run, end, token };
    this.#active.set(jobId, active);
    return active;
  }
}
