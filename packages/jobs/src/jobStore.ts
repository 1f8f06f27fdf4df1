// Creates, reads and lists jobs, and is the entry point to everything else about them: claim.ts takes jobs for workers, JobAttempt contains
// the writes of a worker, JobActions the actions of users, and WaitingJobs the queue. Every change is one Lua script, so a crash never
// leaves half a change.
import { randomInt } from 'node:crypto';
import type { Job, JobAction, JobChange, JobPage } from '@trainyard/contracts';
import { isUploaded } from '@trainyard/engine/data';
import { engineVersion, type JobSpec } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import { decodeTime, monotonicFactory } from 'ulid';
import { type Claim, type ClaimedJob, claimById, type PreviousEnd, takeNext } from './claim.ts';
import { DatasetNotFoundError, IdempotencyMismatchError, JobNotFoundError, ReservationExpiredError } from './errors.ts';
import { bodyDigest, type Idempotency, idempotencySeconds, madeBefore, memoryOf } from './idempotency.ts';
import { JobActions } from './jobActions.ts';
import { fittingPage, type JobStanding, type ListOptions, listJobIds, readStandings } from './jobList.ts';
import { overQuotaError, type Quotas, quotaText } from './quotas.ts';
import { jobMemory, jobOfRecord, newRecord, type Origin, type RecordExtras, type Webhook } from './record.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { reuseLabel } from './reuse.ts';
import { createJob } from './scripts/jobs.ts';
import { eventsEntry, specEntry } from './scripts/script.ts';
import { inQueueSpan, traceparentOf } from './telemetry.ts';
import { leaveToReconcile, type TrainQueue, WaitingJobs } from './trainQueue.ts';

/** Random numbers for ulid. Ulid's own source calls the platform once per letter. This source gets many numbers with one call. */
const randomFraction = (): number => randomInt(32) / 32;

/** The maximum number of jobs of a page that are read at the same time. */
const readAtOnce = 10;

export interface NewJob {
  readonly spec: JobSpec;
  /** The owner: the name of the caller's API key. Each owner has its own idempotency keys. */
  readonly owner: string;
  /** An id reserved with {@link ReservedFiles.reserve}, if files were stored for the job before its creation. */
  readonly jobId?: string;
  readonly origin?: Origin;
  /** The bytes of each file that was stored for the job; if omitted, there is none. */
  readonly files?: Readonly<Record<string, number>>;
  /** `null`: no webhook. If omitted, the webhook and secret of the job in `origin` are used, if it has one. */
  readonly webhook?: Webhook | null;
  /** See `reuseKeyOf`. */
  readonly reuseKey?: string;
  /** The digest of the job's data, see {@link dataDigestOf}; omitted if it follows from the spec. */
  readonly dataDigest?: string;
  /** The id of the sweep that creates the job. */
  readonly sweep?: string;
  readonly idempotency?: Idempotency;
  /** The owner's quotas; if omitted, no quotas apply. */
  readonly quotas?: Quotas;
  /** The trace that the job continues. Default: the trace of the current request. */
  readonly traceparent?: string;
}

/** Returns the bytes of a new job's spec and events, which count for its owner's storage like files. */
function bytesInRedis({ spec = '' }: Readonly<Record<string, string>>, origin: Origin | undefined): Readonly<Record<string, number>> {
  return { [specEntry]: Buffer.byteLength(spec), [eventsEntry]: origin?.begun?.historyBytes ?? 0 };
}

export class JobStore {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #waiting: WaitingJobs;
  readonly #ulid = monotonicFactory(randomFraction);
  readonly #actions: JobActions;
  readonly #engineVersion: string;

  /** @param options `engineVersion`: only results of this engine version are reused. Default: the version with strict arithmetic. */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly queue: TrainQueue; readonly engineVersion?: string }) {
    this.#engineVersion = options.engineVersion ?? engineVersion;
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#waiting = new WaitingJobs(options);
    this.#actions = new JobActions({ ...options, waiting: this.#waiting, find: (jobId) => this.#existing(jobId) });
  }

  /**
   * Creates a job and wakes a worker for it. `replayed`: an earlier request with the same idempotency key created the job.
   * @throws IdempotencyMismatchError if the key was used for another body
   * @throws DatasetNotFoundError if the uploaded dataset was deleted
   * @throws QuotaExceededError if the owner would be over a quota
   */
  async create(request: NewJob): Promise<{ readonly job: Job; readonly replayed: boolean }> {
    return await inQueueSpan(request.traceparent, async (span) => {
      const traceparent = traceparentOf(span);
      const { jobId, replayed, job, missingWakeUps } = await this.record({ ...request, ...(traceparent !== undefined && { traceparent }) });
      span.setAttribute('trainyard.job.id', jobId);
      await this.#waiting.wakeOne(missingWakeUps).catch(leaveToReconcile);
      return { job: job ?? (await this.#existing(jobId)), replayed };
    });
  }

  /**
   * Returns the job that an earlier request with the idempotency key created; null if there is none. Call it before reading anything that
   * may have been deleted since that request. `create` looks for the job again, so it is never created twice.
   * @throws IdempotencyMismatchError if the key was used for another body
   */
  async replay(owner: string, idempotency: Idempotency): Promise<Job | null> {
    const before = await madeBefore(this.#redis, this.#keys, owner, idempotency);
    if (before === null) return null;
    if (!before.isSame) throw new IdempotencyMismatchError();
    return await this.get(before.id);
  }

  /** Returns the id for a new job. */
  newId(): string {
    return `job_${this.#ulid()}`;
  }

  /**
   * Creates a job like `create`, but does not wake a worker. `job` is null if an earlier request created it. `missingWakeUps`: number of
   * wake-ups that are missing in the queue now.
   */
  async record(
    request: NewJob,
  ): Promise<{ readonly jobId: string; readonly replayed: boolean; readonly job: Job | null; readonly missingWakeUps: number }> {
    const jobId = request.jobId ?? this.newId();
    // Takes the time from the id, so that filters by time agree with the order of the ids.
    const now = new Date(decodeTime(jobId.slice('job_'.length)));
    const { idempotency, owner, spec } = request;
    const keys = this.#keys;
    const datasetId = isUploaded(spec.data.dataset) ? spec.data.dataset : '';
    const record = newRecord(spec, owner, now, request.origin, await this.#extras(request));
    const entries = bytesInRedis(record, request.origin);
    const reply = await createJob(this.#redis, {
      job: keys.job(jobId),
      events: keys.events(jobId),
      files: keys.files(jobId),
      idempotency: memoryOf(keys, owner, idempotency),
      reservedFiles: keys.reservedFiles,
      dataset: keys.dataset(datasetId),
      datasetUsers: keys.usersOf(datasetId),
      tag: keys.tag,
      jobId,
      digest: idempotency ? bodyDigest(idempotency) : '',
      idempotencySeconds,
      nowMs: Date.now(),
      priority: spec.priority,
      isReserved: request.jobId === undefined ? 0 : 1,
      datasetId,
      owner,
      quotas: quotaText(request.quotas),
      fileBytes: JSON.stringify({ ...request.files, ...entries }),
      redisBytes: jobMemory(entries[specEntry] ?? 0, spec.epochs),
      record: Object.entries(record).flat(),
    });
    switch (reply[0]) {
      case 'created': {
        const [, , position, missingWakeUps] = reply;
        const job = jobOfRecord(jobId, { ...record, status: 'queued', attempt: '0' }, position || null, spec);
        return { jobId, replayed: false, job, missingWakeUps };
      }
      case 'replayed':
        return { jobId: reply[1], replayed: true, job: null, missingWakeUps: 0 };
      case 'mismatch':
        throw new IdempotencyMismatchError();
      case 'noDataset':
        throw new DatasetNotFoundError(datasetId);
      case 'expired':
        throw new ReservationExpiredError(jobId);
      case 'overQuota':
        throw overQuotaError(reply);
    }
  }

  /** {@link WaitingJobs.reconcile} */
  async reconcileQueue(): Promise<number> {
    return await this.#waiting.reconcile();
  }

  /** {@link WaitingJobs.wakeMissing} */
  async wakeWorkers(): Promise<number> {
    return await this.#waiting.wakeMissing();
  }

  /** {@link WaitingJobs.interruptLost} */
  async interruptLost(): Promise<readonly string[]> {
    return await this.#waiting.interruptLost();
  }

  /** {@link readStandings} */
  async standings(jobIds: readonly string[]): Promise<(JobStanding | null)[]> {
    return await readStandings(this.#redis, this.#keys, jobIds);
  }

  /** Returns the job; null if it does not exist, or if `owner` is given and is not its owner. */
  async get(jobId: string, owner?: string): Promise<Job | null> {
    // The owner is checked first, so that a request never reads the record of another key, which may be large.
    if (owner !== undefined && (await this.#redis.hget(this.#keys.job(jobId), 'owner')) !== owner) return null;
    const job = await this.#read(jobId);
    return job?.status === 'queued' ? { ...job, queuePosition: (await this.#waiting.positions([jobId])).get(jobId) ?? null } : job;
  }

  /** Returns the artifact name of the job's last checkpoint; null if there is none. A later checkpoint may replace it at any time. */
  async checkpointFile(jobId: string): Promise<string | null> {
    return await this.#redis.hget(this.#keys.job(jobId), 'checkpointFile');
  }

  /**
   * Lists jobs, newest first. `after` is the `nextCursor` of the previous page. Jobs that are created meanwhile cause no repetitions or
   * gaps. A page has at most `limit` jobs and about 2 MiB of specs, but at least one job.
   */
  async list(options: ListOptions): Promise<JobPage> {
    const found = await listJobIds(this.#redis, this.#keys, options);
    const { page, jobs, hasMore } = await this.#readPage(found, options.limit);
    const data = jobs.filter((job) => job !== null);
    const positions = await this.#waiting.positions(data.flatMap(({ id, status }) => (status === 'queued' ? [id] : [])));
    return {
      data: data.map((job) => ({ ...job, queuePosition: positions.get(job.id) ?? null })),
      nextCursor: hasMore ? (page.at(-1) ?? null) : null,
    };
  }

  /**
   * Reads several jobs, in the order of their ids, without their positions in the queue. Like a page of `list`, the result has about 2 MiB
   * of specs at most: it may have fewer jobs than there are ids.
   * @returns null in place of a job that does not exist, or that has another owner than `owner`, if it is given
   */
  async several(jobIds: readonly string[], owner?: string): Promise<readonly (Job | null)[]> {
    const owners =
      owner === undefined ? [] : await Promise.all(jobIds.map(async (id) => await this.#redis.hget(this.#keys.job(id), 'owner')));
    const visible = jobIds.filter((_, at) => owner === undefined || owners[at] === owner);
    const { page, jobs, hasMore } = await this.#readPage(visible, visible.length);
    const byId = new Map(page.map((id, at) => [id, jobs[at] ?? null]));
    const last = hasMore ? jobIds.indexOf(page.at(-1) ?? '') + 1 : jobIds.length;
    return jobIds.slice(0, last).map((id) => byId.get(id) ?? null);
  }

  /**
   * Returns the newest job with this reuse key that succeeded with this engine version; else null. If `owner` is undefined, of any owner.
   */
  async reusable(key: string, owner: string | undefined): Promise<Job | null> {
    const { data } = await this.list({ limit: 10, owner, status: 'succeeded', label: reuseLabel(key) });
    return data.find(({ result }) => result?.engineVersion === this.#engineVersion) ?? null;
  }

  /** {@link JobActions.act} */
  async act(action: JobAction, jobId: string): Promise<Job> {
    return await this.#actions.act(action, jobId);
  }

  /** {@link JobActions.describe} */
  async describe(jobId: string, change: JobChange, quotas: Quotas): Promise<Job> {
    return await this.#actions.describe(jobId, change, quotas);
  }

  /** {@link JobActions.delete} */
  async delete(jobId: string): Promise<void> {
    await this.#actions.delete(jobId);
  }

  /** {@link JobActions.settleAbandoned} */
  async settleAbandoned(olderThanMs?: number): Promise<number> {
    return await this.#actions.settleAbandoned(olderThanMs);
  }

  /** {@link claimById} */
  async claim(jobId: string, worker: string, previous?: PreviousEnd): Promise<Claim> {
    return await claimById({ redis: this.#redis, keys: this.#keys, worker, claimId: this.#ulid() }, jobId, previous);
  }

  /** Returns a new id for a call of `take`. */
  newClaimId(): string {
    return this.#ulid();
  }

  /**
   * Takes the job that starts next, and adds missing wake-ups for other workers.
   * @param claimId from `newClaimId`. If a reply was lost, call again with the same id: no second job is taken
   * @returns null if no job waits
   */
  async take(worker: string, claimId: string): Promise<ClaimedJob | null> {
    for (;;) {
      const taken = await takeNext({ redis: this.#redis, keys: this.#keys, worker, claimId });
      if (taken === null) return null;
      if (taken.missingWakeUps > 0) await this.#waiting.wake(taken.missingWakeUps).catch(leaveToReconcile);
      if (taken.claim.outcome === 'claimed') return taken.claim;
    }
  }

  /**
   * Returns further fields of the record. A job with an `origin` inherits the webhook of the other job. A retry also inherits the reuse
   * key.
   */
  async #extras({ origin, webhook, sweep, reuseKey, dataDigest, traceparent }: NewJob): Promise<RecordExtras> {
    const given = {
      ...(webhook && { webhook }),
      ...(sweep !== undefined && { sweep }),
      ...(reuseKey !== undefined && { reuseKey }),
      ...(dataDigest !== undefined && { dataDigest }),
      ...(traceparent !== undefined && { traceparent }),
    };
    const from = origin?.retryOf ?? origin?.forkOf;
    if (from === undefined) return given;
    const [inherited, key, digest] = await this.#redis.hmget(this.#keys.job(from), 'webhook', 'reuseKey', 'dataDigest');
    return {
      ...(typeof inherited === 'string' && webhook === undefined && { webhook: JSON.parse(inherited) as Webhook }),
      ...(typeof key === 'string' &&
        origin?.retryOf !== undefined && { reuseKey: key, ...(typeof digest === 'string' && { dataDigest: digest }) }),
      ...given,
    };
  }

  /** Reads the jobs of a page: as many of the ids as fit, see {@link fittingPage}. A job that was deleted meanwhile is null. */
  async #readPage(ids: readonly string[], limit: number) {
    const { page, hasMore } = await fittingPage(this.#redis, ids, limit, (id) => [
      [this.#keys.job(id), 'spec'],
      [this.#keys.job(id), 'notes'],
    ]);
    const jobs: (Job | null)[] = [];
    for (let from = 0; from < page.length; from += readAtOnce) {
      jobs.push(...(await Promise.all(page.slice(from, from + readAtOnce).map(async (id) => await this.#read(id)))));
    }
    return { page, jobs, hasMore };
  }

  /** Reads a job without its position in the queue. */
  async #read(jobId: string): Promise<Job | null> {
    return jobOfRecord(jobId, await this.#redis.hgetall(this.#keys.job(jobId)), null);
  }

  async #existing(jobId: string): Promise<Job> {
    const job = await this.get(jobId);
    if (job === null) throw new JobNotFoundError(jobId);
    return job;
  }
}
