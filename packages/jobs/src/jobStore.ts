// The records of all jobs: what makes and shows them, and the one place where to ask for all else about them. How a worker comes by one
// is in claim.ts, what it then writes goes through JobAttempt, what users do to a job is in JobActions, and how jobs wait in
// waitingJobs.ts. Every change is one Lua script, so no crash leaves half of one.
import { randomInt } from 'node:crypto';
import type { Job, JobPage } from '@trainyard/contracts';
import { engineVersion, isUploaded, type JobSpec } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { decodeTime, monotonicFactory } from 'ulid';
import { type Claim, type ClaimedJob, claimById, type PreviousEnd, takeNext } from './claim.ts';
import { DatasetNotFoundError, IdempotencyMismatchError, JobNotFoundError, ReservationExpiredError } from './errors.ts';
import { bodyDigest, type Idempotency, idempotencySeconds, madeBefore, memoryOf } from './idempotency.ts';
import { JobActions } from './jobActions.ts';
import { type JobStanding, readStandings } from './jobStanding.ts';
import { type ListOptions, listJobIds } from './jobList.ts';
import { fittingPage } from './pageBytes.ts';
import { quotaText, type Quotas, refuseOverQuota } from './quotas.ts';
import { type BesideSpec, jobOfRecord, newRecord, type Origin, type Webhook } from './record.ts';
import { reuseLabel } from './reuse.ts';
import { leaveToReconcile } from './queueAway.ts';
import { type RedisKeys, redisKeys } from './redis/keys.ts';
import { jobMemory } from './redisBytes.ts';
import { createJob } from './scripts/createJob.ts';
import { runScript } from './scripts/script.ts';
import { eventsEntry, specEntry } from './scripts/usage.ts';
import { inQueueSpan, traceparentOf } from './telemetry/spans.ts';
import type { TrainQueue } from './trainQueue.ts';
import { WaitingJobs } from './waitingJobs.ts';

/** For ulid, whose own source asks the platform once for each letter: this one asks in blocks. */
const randomFraction = (): number => randomInt(32) / 32;

/** Jobs of a page that are read at the same time. */
const readAtOnce = 10;

export interface NewJob {
  readonly spec: JobSpec;
  /** Whose job it is: the name of the caller's key. Idempotency keys are the caller's own. */
  readonly owner: string;
  /** From {@link Remains.reserve}, where something has to be stored for the job before it is there. */
  readonly jobId?: string;
  readonly origin?: Origin;
  /** The bytes of each file that was stored for it; left out, there is none. */
  readonly files?: Readonly<Record<string, number>>;
  /** Null: none. Left out, that of the job that it comes of, secret and all; without one, none. */
  readonly webhook?: Webhook | null;
  /** See `reuseKeyOf`. */
  readonly reuseKey?: string;
  /** Of the data that the key is of, see {@link dataDigestOf}; left out where that follows from the spec. */
  readonly dataDigest?: string;
  /** The sweep that it is a job of. */
  readonly sweep?: string;
  readonly idempotency?: Idempotency;
  /** Left out, none hold. */
  readonly quotas?: Quotas;
  /** Whose trace it goes on with; left out, that of the request in hand. */
  readonly traceparent?: string;
}

/** What counts for the storage of a new job's owner beside its files. */
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

  /** @param options `engineVersion`: the one whose results may be used again; default that of strict arithmetic. */
  constructor(options: { readonly redis: Redis; readonly prefix: string; readonly queue: TrainQueue; readonly engineVersion?: string }) {
    this.#engineVersion = options.engineVersion ?? engineVersion;
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
    this.#waiting = new WaitingJobs(options);
    this.#actions = new JobActions({ ...options, waiting: this.#waiting, find: (jobId) => this.#existing(jobId) });
  }

  /**
   * Records a job and wakes a worker for it. `replayed` says that the idempotency key had made it before.
   * @throws IdempotencyMismatchError the key was used for another body
   * @throws DatasetNotFoundError its uploaded dataset was deleted
   * @throws QuotaExceededError
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
   * The job that an earlier request with the key made, or null; for those who have more to look up before they make one, which may
   * be gone since. Making it looks as well, so nothing happens twice in between.
   * @throws IdempotencyMismatchError the key was used for another body
   */
  async replay(owner: string, idempotency: Idempotency): Promise<Job | null> {
    const before = await madeBefore(this.#redis, this.#keys, owner, idempotency);
    if (before === null) return null;
    if (!before.isSame) throw new IdempotencyMismatchError();
    return await this.get(before.id);
  }

  /** The id for a job that is yet to be made. */
  newId(): string {
    return `job_${this.#ulid()}`;
  }

  /**
   * The first half of `create`: everything but waking a worker, in one step. `job` is null for one that was made before.
   * `missingWakeUps`: how many wake-ups the queue lacks now.
   */
  async record(
    request: NewJob,
  ): Promise<{ readonly jobId: string; readonly replayed: boolean; readonly job: Job | null; readonly missingWakeUps: number }> {
    const jobId = request.jobId ?? this.newId();
    // The id's own, so that lists by time are exact.
    const now = new Date(decodeTime(jobId.slice('job_'.length)));
    const { idempotency, owner, spec } = request;
    const keys = this.#keys;
    const datasetId = isUploaded(spec.data.dataset) ? spec.data.dataset : '';
    const record = newRecord(spec, owner, now, request.origin, await this.#besides(request));
    const entries = bytesInRedis(record, request.origin);
    const reply = await runScript(
      this.#redis,
      createJob,
      [
        keys.job(jobId),
        keys.events(jobId),
        keys.waitingOwners,
        keys.interrupted,
        memoryOf(keys, owner, idempotency),
        keys.remains,
        keys.dataset(datasetId),
        keys.usersOf(datasetId),
        keys.files(jobId),
      ],
      [
        jobId,
        keys.eventChannel,
        idempotency ? bodyDigest(idempotency) : '',
        idempotencySeconds,
        Date.now(),
        spec.priority,
        request.jobId === undefined ? 0 : 1,
        datasetId,
        owner,
        quotaText(request.quotas),
        JSON.stringify({ ...request.files, ...entries }),
        jobMemory(entries[specEntry] ?? 0, spec.epochs),
        ...Object.entries(record).flat(),
      ],
    );
    refuseOverQuota(reply);
    const [outcome, id, position, missing] = reply;
    if (outcome === 'mismatch') throw new IdempotencyMismatchError();
    if (outcome === 'noDataset') throw new DatasetNotFoundError(datasetId);
    if (outcome === 'expired') throw new ReservationExpiredError(jobId);
    if (id !== jobId) return { jobId: String(id), replayed: true, job: null, missingWakeUps: 0 };
    const job = jobOfRecord(jobId, { ...record, status: 'queued', attempt: '0' }, Number(position) || null, spec);
    return { jobId, replayed: false, job, missingWakeUps: Number(missing) };
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

  /** The job, or null if there is none with this id, or, where an `owner` is given, none of theirs. */
  async get(jobId: string, owner?: string): Promise<Job | null> {
    // The owner is asked first: another key's record, which may be large, is never read.
    if (owner !== undefined && (await this.#redis.hget(this.#keys.job(jobId), 'owner')) !== owner) return null;
    const job = await this.#read(jobId);
    return job?.status === 'queued' ? { ...job, queuePosition: (await this.#waiting.positions([jobId])).get(jobId) ?? null } : job;
  }

  /** The artifact that is the job's last checkpoint; null while there is none. The next one takes its place at any time. */
  async checkpointFile(jobId: string): Promise<string | null> {
    return await this.#redis.hget(this.#keys.job(jobId), 'checkpointFile');
  }

  /**
   * Newest first; `after` is the `nextCursor` of the page before. Jobs that arrive meanwhile never repeat or hide one. A page has at most
   * `limit` jobs and about 2 MiB of specs, but at least one job.
   */
  async list(options: ListOptions): Promise<JobPage> {
    const found = await listJobIds(this.#redis, this.#keys, options);
    const { page, hasMore } = await fittingPage(this.#redis, found, options.limit, (id) => [[this.#keys.job(id), 'spec']]);
    const data: Job[] = [];
    for (let from = 0; from < page.length; from += readAtOnce) {
      const jobs = await Promise.all(page.slice(from, from + readAtOnce).map(async (id) => await this.#read(id)));
      data.push(...jobs.filter((job) => job !== null));
    }
    const positions = await this.#waiting.positions(data.flatMap(({ id, status }) => (status === 'queued' ? [id] : [])));
    return {
      data: data.map((job) => ({ ...job, queuePosition: positions.get(job.id) ?? null })),
      nextCursor: hasMore ? (page.at(-1) ?? null) : null,
    };
  }

  /** The newest job of this key, of `owner` or left out of anybody, that succeeded with this version of the engine; else null. */
  async reusable(key: string, owner: string | undefined): Promise<Job | null> {
    const { data } = await this.list({ limit: 10, owner, status: 'succeeded', label: reuseLabel(key) });
    return data.find(({ result }) => result?.engineVersion === this.#engineVersion) ?? null;
  }

  /** {@link JobActions.cancel} */
  async requestCancel(jobId: string): Promise<Job> {
    return await this.#actions.cancel(jobId);
  }

  /** {@link JobActions.pause} */
  async requestPause(jobId: string): Promise<Job> {
    return await this.#actions.pause(jobId);
  }

  /** {@link JobActions.resume} */
  async resume(jobId: string): Promise<Job> {
    return await this.#actions.resume(jobId);
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

  /** Names a call of `take`. */
  newClaimId(): string {
    return this.#ulid();
  }

  /**
   * Takes the job that is to start next, and keeps other workers awake while jobs wait.
   * @param claimId from `newClaimId`; the same one again, after a call whose answer was lost, takes no second job
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

  /** The end of a job that comes of another is told as the other's is. A retry, the same job again, also gives the same weights. */
  async #besides({ origin, webhook, sweep, reuseKey, dataDigest, traceparent }: NewJob): Promise<BesideSpec> {
    const given = {
      ...(webhook && { webhook }),
      ...(sweep !== undefined && { sweep }),
      ...(reuseKey !== undefined && { reuseKey }),
      ...(dataDigest !== undefined && { dataDigest }),
      ...(traceparent !== undefined && { traceparent }),
    };
    const from = origin?.retryOf ?? origin?.forkOf;
    if (from === undefined) return given;
    const [told, key, digest] = await this.#redis.hmget(this.#keys.job(from), 'webhook', 'reuseKey', 'dataDigest');
    return {
      ...(typeof told === 'string' && webhook === undefined && { webhook: JSON.parse(told) as Webhook }),
      ...(typeof key === 'string' &&
        origin?.retryOf !== undefined && { reuseKey: key, ...(typeof digest === 'string' && { dataDigest: digest }) }),
      ...given,
    };
  }

  /** The job without its position in the queue. */
  async #read(jobId: string): Promise<Job | null> {
    return jobOfRecord(jobId, await this.#redis.hgetall(this.#keys.job(jobId)), null);
  }

  async #existing(jobId: string): Promise<Job> {
    const job = await this.get(jobId);
    if (job === null) throw new JobNotFoundError(jobId);
    return job;
  }
}
