// A training worker: is woken by the queue, takes jobs and trains them in its children. The process around it (environment, signals) is
// main.ts's; what happens to a job is jobRun.ts's.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine';
import { NodeDatasetFiles, type NodeDatasetFilesOptions } from '@trainyard/engine/node';
import {
  type ArtifactStore,
  connectRedis,
  DatasetDigests,
  JobStore,
  type PresentWorker,
  RedisHealth,
  Remains,
  TrainQueue,
  trainQueueName,
  trainWorkerOptions,
  type WakeUp,
  WishBus,
  WorkerPresence,
} from '@trainyard/jobs';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { ActiveRuns } from './activeRuns.ts';
import { childEnvironment } from './childEnvironment.ts';
import { ChildPool } from './childPool.ts';
import { repeat } from './repeat.ts';
import { RELAXED } from './messages.ts';
import type { Reason } from './runError.ts';
import { StorageOutage } from './storageWaits.ts';
import { type ChildOptions, TrainingChild } from './trainingChild.ts';
import { UploadedData } from './uploadedData.ts';

export interface TrainingWorkerOptions {
  redisUrl: string;
  /** Prefix of all keys in Redis. */
  prefix: string;
  /** Jobs at a time. */
  concurrency: number;
  /** Trains with relaxed SIMD; default false. */
  relaxed?: boolean;
  /** Bytes that a job may take; see {@link ChildOptions.memoryBytes}. Default: no bound. */
  memoryBytes?: number;
  /** Stays the caller's to close. */
  artifacts: ArtifactStore;
  /** Where datasets are found and kept. */
  data: NodeDatasetFilesOptions;
  log: Logger;
  /** How long jobs in hand may go on after `close`, in ms. */
  closeGraceMs?: number;
  /** Between two checkpoints of a job at least, in ms. */
  checkpointEveryMs?: number;
  /** The training program and its bounds. */
  child?: Partial<ChildOptions>;
  /** Training processes that are ready beside those for jobs. Default 1. */
  spares?: number;
}

/** `docker stop` kills after 10 s: time to finish a job, and then to hand it back with a checkpoint. */
const CLOSE_GRACE_MS = 5_000;
/** How long `close` waits for jobs to be handed back before it just leaves. */
const HAND_BACK_MS = 3_500;
const CHECKPOINT_EVERY_MS = 10_000;
const RENEW_MS = 1_500;
const ANNOUNCE_MS = 2_000;
const LOST_JOBS_MS = 3_000;
/** After Redis was away, workers get this long to renew their leases before one counts as lost. */
const RECONNECT_GRACE_MS = 5_000;
/** How long `close` waits for Redis to hear of it. */
const LEAVE_MS = 500;
const RECONCILE_MS = 5_000;
/** BullMQ's pause before it reads on after an error; its own is 15 s. */
const READ_RETRY_MS = 500;
const RUNS_PER_CHILD = 200;
const RESIDENT_BYTES_LIMIT = 512 * 2 ** 20;
const childDefaults = {
  script: new URL('./trainJob.js', import.meta.url),
  heapMegabytes: 1_024,
  // Beside what the wish and its confirmation take, so that a cancel holds within a second.
  stopGraceMs: 500,
  startTimeoutMs: 60_000,
} satisfies Partial<ChildOptions>;

export class TrainingWorker {
  readonly #identity: Omit<PresentWorker, 'jobs' | 'residentBytes' | 'cpuSeconds' | 'isStorageUp'>;
  readonly #log: Logger;
  readonly #closeGraceMs: number;
  readonly #health: RedisHealth;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #queue: TrainQueue;
  readonly #store: JobStore;
  readonly #wishes: WishBus;
  readonly #presence: WorkerPresence;
  readonly #pool: ChildPool;
  readonly #runs: ActiveRuns;
  readonly #uploads: UploadedData;
  readonly #reader: Worker<WakeUp>;
  readonly #outage = new StorageOutage((reason) => this.#storageChanged(reason));
  readonly #abandoned = new AbortController();
  readonly #hurried = Promise.withResolvers<void>();
  readonly #ends: (() => void)[] = [];
  /** Until when (ms) no worker counts as lost. */
  #patientUntil = 0;
  #closed: Promise<void> | undefined;

  constructor(options: TrainingWorkerOptions) {
    const { redisUrl, prefix, concurrency, relaxed = false, memoryBytes, artifacts, data, log } = options;
    const name = `${hostname()}-${process.pid}`;
    this.#identity = {
      name,
      host: hostname(),
      pid: process.pid,
      engineVersion: relaxed ? relaxedEngineVersion : engineVersion,
      concurrency,
      startedAt: new Date().toISOString(),
    };
    this.#log = log;
    this.#closeGraceMs = options.closeGraceMs ?? CLOSE_GRACE_MS;
    this.#health = new RedisHealth({
      redisUrl,
      prefix,
      log,
      meanwhile: 'jobs wait for it',
      onRecovery: () => this.#redisRecovered(),
    });
    const onError = (error: unknown): void => {
      if (this.#health.report(error) === null) log.warn({ err: error }, 'Redis answered with an error');
    };
    const redis = connectRedis(redisUrl, { role: 'worker', onError });
    redis.on('ready', () => this.#redisReady());
    redis.on('close', () => this.#redisClosed());
    this.#redis = redis;
    this.#subscriber = connectRedis(redisUrl, { role: 'subscriber', onError });
    for (const connection of [redis, this.#subscriber]) this.#health.watch(connection);
    this.#queue = new TrainQueue({ redis, prefix, onError });
    this.#store = new JobStore({ redis, prefix, queue: this.#queue });
    this.#wishes = new WishBus({ redis, subscriber: this.#subscriber, prefix, onError });
    this.#presence = new WorkerPresence({ redis, prefix });
    const child = {
      ...childDefaults,
      args: relaxed ? [RELAXED] : [],
      ...(memoryBytes !== undefined && { memoryBytes }),
      env: childEnvironment(process.env),
      ...options.child,
    };
    this.#pool = new ChildPool({
      size: concurrency,
      ...(options.spares !== undefined && { spares: options.spares }),
      start: async (signal) => await TrainingChild.start(child, signal),
      runsPerChild: RUNS_PER_CHILD,
      residentBytesLimit: RESIDENT_BYTES_LIMIT,
      onStartError: (error) => log.error({ err: error }, 'a training process could not be started; trying again'),
    });
    this.#uploads = new UploadedData({ artifacts, home: data.home, log });
    this.#runs = new ActiveRuns(
      {
        store: this.#store,
        wishes: this.#wishes,
        remains: new Remains({ redis, prefix, artifacts }),
        artifacts,
        checkpointEveryMs: options.checkpointEveryMs ?? CHECKPOINT_EVERY_MS,
        pool: this.#pool,
        data,
        digests: new DatasetDigests(new NodeDatasetFiles(data)),
        uploads: this.#uploads,
        redisHealth: this.#health,
        outage: this.#outage,
        worker: name,
        abandoned: this.#abandoned.signal,
      },
      log,
    );
    this.#reader = new Worker<WakeUp>(trainQueueName, (wakeUp, token = '') => this.#runs.answer(wakeUp, token), {
      ...trainWorkerOptions({ redis, prefix, concurrency }),
      autorun: false,
      skipLockRenewal: true,
      skipStalledCheck: true,
      runRetryDelay: READ_RETRY_MS,
    });
    this.#reader.on('error', onError);
  }

  /** Connects, warms a training child and begins to take jobs. @throws ChildStartError */
  async start(): Promise<void> {
    // Not waited for: it asks the storage, which may be away.
    this.#uploads.sweep().catch((error: unknown) => this.#log.warn({ err: error }, 'copies of datasets could not be cleared'));
    await Promise.all([this.#pool.ready(), this.#reader.waitUntilReady()]);
    if (this.#closed !== undefined) return;
    const every = (ms: number, what: string, turn: () => Promise<void>): (() => void) =>
      repeat(ms, turn, (error) => this.#turnFailed(what, error));
    this.#ends.push(
      every(RENEW_MS, 'renew the leases', async () => await this.#runs.renewLeases()),
      every(ANNOUNCE_MS, 'announce this worker', async () => await this.#announce()),
      every(LOST_JOBS_MS, 'look for lost jobs', async () => await this.#fetchLostJobs()),
      every(RECONCILE_MS, 'look for jobs that nobody was woken for', async () => await this.#reconcile()),
    );
    await this.#announce();
    this.#reader.run().catch((error: unknown) => this.#log.error({ err: error }, 'the queue cannot be read any more'));
  }

  /** As jobs and the list of workers show it. */
  get name(): string {
    return this.#identity.name;
  }

  /** The ids of the jobs in hand. */
  get jobs(): string[] {
    return this.#runs.jobs;
  }

  /** Takes no more jobs; those in hand may finish within the grace, and are handed back after it. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Ends the grace of `close`. */
  hurry(): void {
    this.#hurried.resolve();
  }

  #redisClosed(): void {
    this.#patientUntil = Number.POSITIVE_INFINITY;
  }

  #redisReady(): void {
    if (this.#patientUntil > 0) this.#redisRecovered();
  }

  /** Any number of jobs may wait for it; the log hears of an outage once. */
  #storageChanged(reason: Reason | null): void {
    if (reason === null) this.#log.info('the storage is back');
    else this.#log.warn({ reason }, 'the storage is away; jobs wait for it');
  }

  /** No worker could renew a lease meanwhile: each gets some time for it. */
  #redisRecovered(): void {
    this.#patientUntil = performance.now() + RECONNECT_GRACE_MS;
    this.#runs.renewLeases().catch((error: unknown) => this.#turnFailed('renew the leases', error));
  }

  #turnFailed(what: string, error: unknown): void {
    if (this.#health.report(error) === null) this.#log.warn({ err: error }, `could not ${what}; trying again`);
  }

  /** Lets the jobs and the wake-ups of a lost worker go to others. */
  async #fetchLostJobs(): Promise<void> {
    if (this.#health.failure !== null || performance.now() < this.#patientUntil) return;
    const jobIds = await this.#store.interruptLost();
    if (jobIds.length > 0) this.#log.warn({ jobIds }, 'these jobs had lost their worker and go on with another');
    await this.#reader.getBackend().moveStalledJobsToWait();
  }

  async #reconcile(): Promise<void> {
    const missing = await this.#store.reconcileQueue();
    if (missing > 0) this.#log.info({ missing }, 'wake-ups for waiting jobs were missing and are added');
    const settled = await this.#store.settleAbandoned();
    if (settled > 0) this.#log.warn({ settled }, 'jobs that were to be cancelled or paused had lost their worker; done for it');
  }

  async #announce(): Promise<void> {
    const { user, system } = process.cpuUsage();
    const spent = { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, isStorageUp: !this.#outage.isOn };
    await this.#presence.announce({ ...this.#identity, ...spent, jobs: this.jobs });
  }

  async #close(): Promise<void> {
    this.#log.info({ jobs: this.jobs }, 'taking no more jobs');
    const read = this.#reader.close();
    await within(this.#closeGraceMs, Promise.race([read, this.#hurried.promise]));
    this.#runs.handBackAll();
    const inTime = await within(HAND_BACK_MS, read);
    if (!inTime) this.#log.warn({ jobs: this.jobs }, 'leaving with jobs in hand; another worker will take them over');
    for (const end of this.#ends) end();
    this.#abandoned.abort(new Error('the worker is closing'));
    await this.#pool.close();
    await within(LEAVE_MS, this.#presence.withdraw(this.name));
    await within(LEAVE_MS, Promise.all([this.#wishes.close(), this.#queue.close(), this.#reader.disconnect()]));
    await within(LEAVE_MS, this.#health.close());
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }
}

/** Waits for the promise, but not longer than that. @returns whether it was in time */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timeout = new AbortController();
  const late = delay(ms, false, { signal: timeout.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timeout.abort();
  }
}
