// Creates jobs from another job: a retry, a fork or a verification. A retry or a fork begins with copies of the other job's last checkpoint
// and of its history up to that checkpoint. So it does not need the other job any more, which may continue or be deleted.
import type { EpochData, EpochMetrics, EventPage, Job, JobCheckpoint, StoredEvent } from '@trainyard/contracts';
import { initialWeightsFile, SpecError } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import { copySnapshots } from './artifacts/snapshots.ts';
import { ArtifactError, JobNotFoundError, JobStateError, NoCheckpointError, NotRepeatableError } from './errors.ts';
import type { EventLog } from './events/eventLog.ts';
import type { JobStore, NewJob } from './jobStore.ts';
import type { Begun, Origin } from './record.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { createPrepared, ReservedFiles } from './reservedFiles.ts';

/** The new job: its spec, its owner and the caller's idempotency key. */
export type Successor = Omit<NewJob, 'jobId' | 'origin' | 'files'>;

export interface SuccessorsOptions {
  readonly redis: Redis;
  readonly prefix: string;
  readonly jobs: JobStore;
  readonly eventLog: EventLog;
  readonly artifacts: ArtifactStore;
  readonly reservedFiles: ReservedFiles;
}

/** The last checkpoint of a job, from its record. */
interface Pointer {
  readonly file: string;
  readonly checkpoint: JobCheckpoint;
}

/** Number of epochs of a history that are copied at a time. */
const historyPage = 500;

/** The name of the copied checkpoint of a new job. Its attempt number is 0, because no attempt of the new job stored it. */
const firstCheckpoint = checkpointName(0, 1);

export class Successors {
  readonly #options: SuccessorsOptions;
  readonly #keys: RedisKeys;

  constructor(options: SuccessorsOptions) {
    this.#options = options;
    this.#keys = redisKeys(options.prefix);
  }

  /**
   * Creates a job with the spec in `successor` that continues a failed or cancelled job from its last checkpoint. The new job begins from
   * the start if there is no checkpoint, or if the old job failed because its checkpoint was invalid.
   * @throws JobNotFoundError if the job does not exist
   * @throws JobStateError if the job has neither failed nor been cancelled
   */
  async retry(job: Job, successor: Successor): Promise<{ readonly job: Job; readonly replayed: boolean }> {
    if (job.status !== 'failed' && job.status !== 'cancelled') throw new JobStateError(job.id, 'retry', job.status);
    const isDamaged = job.error?.code === 'invalidCheckpoint';
    return await this.#make(job, successor, async (jobId) => {
      const begun = isDamaged ? null : await this.#takeOver(job.id, jobId, successor.spec.epochs);
      return { retryOf: job.id, ...(begun && { begun }) };
    });
  }

  /**
   * Creates a job with a spec of its own that begins with the last checkpoint of another job.
   * @throws JobNotFoundError if the job does not exist
   * @throws NoCheckpointError if the other job has no checkpoint
   * @throws SpecError if the checkpoint is after the end of the new job
   */
  async fork(job: Job, successor: Successor): Promise<{ readonly job: Job; readonly replayed: boolean }> {
    return await this.#make(job, successor, async (jobId) => {
      const begun = await this.#takeOver(job.id, jobId, successor.spec.epochs);
      if (begun === null) throw new NoCheckpointError(job.id);
      return { forkOf: job.id, begun };
    });
  }

  /**
   * Creates a job that trains a job that succeeded again, from its beginning. The new job gets no webhook.
   * @throws JobStateError if the job has not succeeded
   * @throws NotRepeatableError if the job began with the checkpoint of another job
   */
  async verify(job: Job, successor: Successor): Promise<{ readonly job: Job; readonly replayed: boolean }> {
    if (job.status !== 'succeeded') throw new JobStateError(job.id, 'verify', job.status);
    // A retry of a job that began anew has the reuse key of that job, and the same result as without the interruption.
    const hasBegunAnew = job.forkOf === null && job.retryOf === null;
    if (!hasBegunAnew && (await this.#options.redis.hexists(this.#keys.job(job.id), 'reuseKey')) === 0)
      throw new NotRepeatableError(job.id);
    return await this.#make(job, { ...successor, webhook: null }, () => Promise.resolve({ verifies: job.id }));
  }

  /** Also copies the initial weights of the other job. A retry or a fork needs them if its checkpoint is lost. */
  async #make(
    from: Job,
    successor: Successor,
    begin: (jobId: string) => Promise<Origin>,
  ): Promise<{ readonly job: Job; readonly replayed: boolean }> {
    return await createPrepared(this.#options, successor, async (jobId) => {
      const origin = await begin(jobId);
      if (successor.spec.initialWeights === undefined) return origin;
      const name = initialWeightsFile;
      await this.#options.artifacts.copy({ jobId: from.id, name }, { jobId, name }).catch((error: unknown) => {
        // The initial weights are needed only if there is no checkpoint. In that case, the run reports that they are missing.
        if (!(error instanceof ArtifactError && error.code === 'artifactNotFound')) throw error;
      });
      return origin;
    });
  }

  /** Copies the last checkpoint and the history up to it. @returns null if there is no checkpoint */
  async #takeOver(from: string, jobId: string, epochs: number): Promise<Begun | null> {
    const pointer = await this.#copyCheckpoint(from, jobId);
    if (pointer === null) return null;
    const { epoch, step } = pointer.checkpoint;
    const least = epoch + (step > 0 ? 1 : 0);
    if (epochs < least) {
      const message = `the checkpoint of ${from} is ${step > 0 ? 'in' : 'after'} epoch ${least}: use at least ${least} epochs, got ${epochs}`;
      throw new SpecError([{ path: '/epochs', message, code: 'tooSmall' }]);
    }
    await copySnapshots(this.#options.artifacts, from, jobId, least);
    const copied = await this.#copyHistory(from, jobId, { epoch, gradients: least }, epochs);
    return { file: firstCheckpoint, checkpoint: pointer.checkpoint, ...copied };
  }

  /** Copies the last checkpoint. If the running job replaces it meanwhile, the next one is copied. */
  async #copyCheckpoint(from: string, jobId: string): Promise<Pointer | null> {
    let missing: string | undefined;
    for (;;) {
      const pointer = await this.#pointer(from);
      if (pointer === null || pointer.file === missing) return null;
      try {
        await this.#options.artifacts.copy({ jobId: from, name: pointer.file }, { jobId, name: firstCheckpoint });
        return pointer;
      } catch (error) {
        if (!(error instanceof ArtifactError && error.code === 'artifactNotFound')) throw error;
        missing = pointer.file;
      }
    }
  }

  async #pointer(jobId: string): Promise<Pointer | null> {
    const [status, file, checkpoint] = await this.#options.redis.hmget(this.#keys.job(jobId), 'status', 'checkpointFile', 'checkpoint');
    if (typeof status !== 'string') throw new JobNotFoundError(jobId);
    if (typeof file !== 'string' || typeof checkpoint !== 'string') return null;
    return { file, checkpoint: JSON.parse(checkpoint) as JobCheckpoint };
  }

  /**
   * Copies the history page by page, so that a long one does not delay other requests.
   * @param last the last epoch of each kind of event that belongs to the new job too
   */
  async #copyHistory(
    from: string,
    jobId: string,
    last: Readonly<Record<CopiedEvent['event'], number>>,
    epochs: number,
  ): Promise<Pick<Begun, 'latest' | 'lastGradients' | 'historyBytes'>> {
    let latest: EpochMetrics | null = null;
    let lastGradients = 0;
    let historyBytes = 0;
    let after: string | null = null;
    do {
      const page: EventPage = await this.#options.eventLog.range(from, {
        limit: historyPage,
        types: ['epoch', 'gradients'],
        ...(after === null ? {} : { after }),
      });
      const copied = page.data.filter((event): event is CopiedEvent => isCopied(event) && event.data.epoch <= last[event.event]);
      historyBytes += await this.#append(
        jobId,
        copied.map((event) => ({ ...event, data: event.event === 'epoch' ? { ...event.data, jobId, epochs } : { ...event.data, jobId } })),
      );
      latest = metricsOf(copied.findLast((event) => event.event === 'epoch')) ?? latest;
      lastGradients = copied.findLast((event) => event.event === 'gradients')?.data.epoch ?? lastGradients;
      after = copied.length === 0 ? null : page.nextCursor;
    } while (after !== null);
    return { latest, lastGradients, historyBytes };
  }

  /**
   * Appends events with their original ids, which contain their times. Redis refuses an event that is sent twice.
   * @returns the bytes of the data of these events
   */
  async #append(jobId: string, events: readonly { readonly id: string; readonly event: string; readonly data: object }[]): Promise<number> {
    const stream = this.#keys.events(jobId);
    const pipeline = this.#options.redis.pipeline();
    let bytes = 0;
    for (const { id, event, data } of events) {
      const text = JSON.stringify(data);
      bytes += Buffer.byteLength(text);
      pipeline.xadd(stream, id, 'event', event, 'data', text);
    }
    pipeline.expire(stream, ReservedFiles.reservationSeconds);
    for (const [error] of (await pipeline.exec()) ?? []) if (error && !/equal or smaller/.test(error.message)) throw error;
    return bytes;
  }
}

/** The events that are copied to a new job. */
type CopiedEvent = Extract<StoredEvent, { event: 'epoch' | 'gradients' }>;

function isCopied(event: StoredEvent): event is CopiedEvent {
  return event.event === 'epoch' || event.event === 'gradients';
}

function metricsOf(copied: { readonly data: EpochData } | undefined): EpochMetrics | null {
  if (copied === undefined) return null;
  const { jobId: _jobId, epochs: _epochs, ...metrics } = copied.data;
  return metrics;
}

/** Returns the name of a checkpoint. @param attempt 0 for the checkpoint that a new job begins with */
export function checkpointName(attempt: number, number: number): string {
  return `checkpoint-${attempt}-${number}.safetensors`;
}

/** Returns the attempt that stored a checkpoint; null if the name is not the name of a checkpoint. */
export function attemptOfCheckpoint(name: string): number | null {
  const [, attempt] = /^checkpoint-(\d+)-\d+\.safetensors$/.exec(name) ?? [];
  return attempt === undefined ? null : Number(attempt);
}

export function isCheckpointName(name: string): boolean {
  return /^checkpoint-\d+-\d+\.safetensors$/.test(name);
}
