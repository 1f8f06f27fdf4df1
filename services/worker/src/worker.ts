// A training worker: takes jobs when the queue wakes it, and trains them in its child processes. runProcess.ts handles the signals of the
// process, and jobRun.ts runs a single job.
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import { NodeDatasetFiles, type NodeDatasetFilesOptions } from '@trainyard/engine/node';
import {
  type ArtifactStore,
  connectRedis,
  DatasetDigests,
  JobStore,
  type PresentWorker,
  RedisHealth,
  ReservedFiles,
  TrainQueue,
  trainQueueName,
  trainWorkerOptions,
  type WakeUp,
  ActionRequests,
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
  /** The number of concurrent jobs. */
  concurrency: number;
  /** Whether to train with relaxed SIMD. Default false. */
  relaxed?: boolean;
  /** The memory limit of a job in bytes, see {@link ChildOptions.memoryBytes}. Default: no limit. */
  memoryBytes?: number;
  /** The artifact storage. The caller closes it. */
  artifacts: ArtifactStore;
  /** The folders where datasets are found and kept. */
  data: NodeDatasetFilesOptions;
  log: Logger;
  /** How long running jobs may continue after `close`, in ms. Default 5 s. */
  closeGraceMs?: number;
  /** The shortest time between two checkpoints of a job, in ms. Default 10 s. */
  checkpointEveryMs?: number;
  /** The training program and its limits. */
  child?: Partial<ChildOptions>;
  /** The number of additional warm training processes. Default 1. */
  spares?: number;
}

/** How long running jobs may continue after `close`, in ms. `docker stop` kills after 10 s, and handing jobs back needs time too. */
const CLOSE_GRACE_MS = 5_000;
/** How long `close` waits for all jobs to be handed back, in ms. After that the worker closes with running jobs. */
const HAND_BACK_MS = 3_500;
const CHECKPOINT_EVERY_MS = 10_000;
const RENEW_MS = 1_500;
const ANNOUNCE_MS = 2_000;
const LOST_JOBS_MS = 3_000;
/** After an outage of Redis, workers have this long to renew their leases before one counts as lost, in ms. */
const RECONNECT_GRACE_MS = 5_000;
/** How long `close` waits for each group of calls to Redis, in ms. */
const WITHDRAW_MS = 500;
const RECONCILE_MS = 5_000;
/** The pause before BullMQ reads the queue again after an error, in ms. BullMQ's default is 15 s. */
const READ_RETRY_MS = 500;
const RUNS_PER_CHILD = 200;
const RESIDENT_BYTES_LIMIT = 512 * 2 ** 20;
const childDefaults = {
  script: new URL('./trainJob.js', import.meta.url),
  heapMegabytes: 1_024,
  // Short enough to end a cancelled job within a second, together with the time for the request and its confirmation.
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
  readonly #actionRequests: ActionRequests;
  readonly #presence: WorkerPresence;
  readonly #pool: ChildPool;
  readonly #runs: ActiveRuns;
  readonly #uploads: UploadedData;
  readonly #reader: Worker<WakeUp>;
  readonly #outage = new StorageOutage((reason) => this.#storageChanged(reason));
  readonly #abandoned = new AbortController();
  readonly #graceEnded = Promise.withResolvers<void>();
  readonly #repetitions: (() => void)[] = [];
  /** No worker counts as lost before this time of `performance.now()`. */
  #lostCheckFrom = 0;
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
    });
    this.#health.onRecovery(() => this.#redisRecovered());
    const onError = (error: unknown): void => {
      if (this.#health.report(error) === null) log.warn({ err: error }, 'Redis replied with an error');
    };
    const redis = connectRedis(redisUrl, { role: 'worker', onError });
    redis.on('ready', () => this.#redisReady());
    redis.on('close', () => this.#redisClosed());
    this.#redis = redis;
    this.#subscriber = connectRedis(redisUrl, { role: 'subscriber', onError });
    for (const connection of [redis, this.#subscriber]) this.#health.watch(connection);
    this.#queue = new TrainQueue({ redis, prefix, onError });
    this.#store = new JobStore({ redis, prefix, queue: this.#queue });
    this.#actionRequests = new ActionRequests({ redis, subscriber: this.#subscriber, prefix, onError });
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
      onStartError: (error) => log.error({ err: error }, 'a training process could not be started; retrying'),
    });
    this.#uploads = new UploadedData({ artifacts, home: data.home, log });
    this.#runs = new ActiveRuns(
      {
        store: this.#store,
        actionRequests: this.#actionRequests,
        reservedFiles: new ReservedFiles({ redis, prefix, artifacts }),
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
    this.#reader = new Worker<WakeUp>(trainQueueName, (wakeUp, token = '') => this.#runs.process(wakeUp, token), {
      ...trainWorkerOptions({ redis, prefix, concurrency }),
      autorun: false,
      skipLockRenewal: true,
      skipStalledCheck: true,
      runRetryDelay: READ_RETRY_MS,
    });
    this.#reader.on('error', onError);
  }

  /**
   * Connects to Redis, waits for a warm training child and begins to take jobs.
   * @throws ChildStartError if the first training child does not become warm
   */
  async start(): Promise<void> {
    // Runs in the background, because the storage may be unavailable.
    this.#uploads.sweep().catch((error: unknown) => this.#log.warn({ err: error }, 'copies of datasets could not be cleared'));
    await Promise.all([this.#pool.ready(), this.#reader.waitUntilReady()]);
    if (this.#closed !== undefined) return;
    const every = (ms: number, what: string, task: () => Promise<void>): (() => void) =>
      repeat(ms, task, (error) => this.#taskFailed(what, error));
    this.#repetitions.push(
      every(RENEW_MS, 'renew the leases', async () => await this.#runs.renewLeases()),
      every(ANNOUNCE_MS, 'announce this worker', async () => await this.#announce()),
      every(LOST_JOBS_MS, 'look for lost jobs', async () => await this.#fetchLostJobs()),
      every(RECONCILE_MS, 'look for waiting jobs without a wake-up', async () => await this.#reconcile()),
    );
    await this.#announce();
    this.#reader.run().catch((error: unknown) => this.#log.error({ err: error }, 'reading the queue has stopped'));
  }

  /** The name of this worker in jobs and in the list of workers. */
  get name(): string {
    return this.#identity.name;
  }

  /** The ids of the running jobs. */
  get jobs(): string[] {
    return this.#runs.jobs;
  }

  /** Takes no more jobs. Running jobs may finish within `closeGraceMs` and are then handed back to the queue. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Makes `close` hand back the running jobs at once. */
  endGrace(): void {
    this.#graceEnded.resolve();
  }

  #redisClosed(): void {
    this.#lostCheckFrom = Number.POSITIVE_INFINITY;
  }

  #redisReady(): void {
    if (this.#lostCheckFrom > 0) this.#redisRecovered();
  }

  /** Logs the start and the end of an outage of the storage, once for all jobs. */
  #storageChanged(reason: Reason | null): void {
    if (reason === null) this.#log.info('the storage is available again');
    else this.#log.warn({ reason }, 'the storage is not available; jobs wait for it');
  }

  /** Renews the leases. For some seconds no worker counts as lost, because no worker could renew its leases during the outage. */
  #redisRecovered(): void {
    this.#lostCheckFrom = performance.now() + RECONNECT_GRACE_MS;
    this.#runs.renewLeases().catch((error: unknown) => this.#taskFailed('renew the leases', error));
  }

  #taskFailed(what: string, error: unknown): void {
    if (this.#health.report(error) === null) this.#log.warn({ err: error }, `could not ${what}; retrying`);
  }

  /** Queues the jobs of lost workers again, and their wake-ups. */
  async #fetchLostJobs(): Promise<void> {
    if (this.#health.failure !== null || performance.now() < this.#lostCheckFrom) return;
    const jobIds = await this.#store.interruptLost();
    if (jobIds.length > 0) this.#log.warn({ jobIds }, 'the worker of these jobs is lost; they are queued again');
    await this.#reader.getBackend().moveStalledJobsToWait();
  }

  async #reconcile(): Promise<void> {
    const missing = await this.#store.reconcileQueue();
    if (missing > 0) this.#log.info({ missing }, 'added missing wake-ups for waiting jobs');
    const settled = await this.#store.settleAbandoned();
    if (settled > 0) this.#log.warn({ settled }, 'cancelled or paused jobs as requested, in place of their lost workers');
  }

  async #announce(): Promise<void> {
    const { user, system } = process.cpuUsage();
    const spent = { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, isStorageUp: !this.#outage.isOn };
    await this.#presence.announce({ ...this.#identity, ...spent, jobs: this.jobs });
  }

  async #close(): Promise<void> {
    this.#log.info({ jobs: this.jobs }, 'taking no more jobs');
    const read = this.#reader.close();
    await within(this.#closeGraceMs, Promise.race([read, this.#graceEnded.promise]));
    this.#runs.handBackAll();
    const inTime = await within(HAND_BACK_MS, read);
    if (!inTime) this.#log.warn({ jobs: this.jobs }, 'closing with running jobs; another worker will take them over');
    for (const end of this.#repetitions) end();
    this.#abandoned.abort(new Error('the worker is closing'));
    await this.#pool.close();
    await within(WITHDRAW_MS, this.#presence.withdraw(this.name));
    await within(WITHDRAW_MS, Promise.all([this.#actionRequests.close(), this.#queue.close(), this.#reader.disconnect()]));
    await within(WITHDRAW_MS, this.#health.close());
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }
}

/** Waits for the promise, at most for the given time. @returns whether it resolved in time */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timeout = new AbortController();
  const late = delay(ms, false, { signal: timeout.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timeout.abort();
  }
}
