// A training worker: takes jobs when the queue wakes it, and trains them in its child processes. services.ts creates its parts, and
// jobRun.ts runs a single job.
import { once } from 'node:events';
import { hostname } from 'node:os';
import { engineVersion, relaxedEngineVersion } from '@trainyard/engine/spec';
import {
  type PresentWorker,
  type Service,
  type ServiceBase,
  trainQueueName,
  trainWorkerOptions,
  type WakeUp,
  within,
} from '@trainyard/jobs';
import { Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { WorkerConfig } from './config.ts';
import { repeat } from './repeat.ts';
import { closingPatienceMs, createServices, type WorkerServices } from './services.ts';

/** The settings of a worker's process. */
export const workerService = {
  name: 'worker',
  meanwhile: 'jobs wait for it',
  // Only a worker that hangs takes this long.
  longestStopMs: 15_000,
  canHurry: true,
} as const satisfies Partial<Service>;

/**
 * Creates a worker and starts it. Resolves when it takes jobs.
 * @throws ChildStartError if the first training process does not become warm
 * @throws ClosedError if `base.stack` is closed meanwhile
 */
export async function startWorker(config: WorkerConfig, base: ServiceBase): Promise<TrainingWorker> {
  const services = await createServices(config, base);
  const worker = new TrainingWorker({ services, config, log: base.log, hurry: base.hurry });
  base.stack.defer(() => worker.close());
  await worker.start();
  base.stack.throwIfClosing();
  base.log.info({ worker: worker.name, concurrency: config.concurrency }, 'ready for jobs');
  return worker;
}

/** How long `close` waits for all jobs to be handed back, in ms. After that the worker closes with running jobs. */
const HAND_BACK_MS = 3_500;
const RENEW_MS = 1_500;
const ANNOUNCE_MS = 2_000;
const LOST_JOBS_MS = 3_000;
/** After an outage of Redis, workers have this long to renew their leases before one counts as lost, in ms. */
const RECONNECT_GRACE_MS = 5_000;
const RECONCILE_MS = 5_000;
/** The pause before BullMQ reads the queue again after an error, in ms. BullMQ's default is 15 s. */
const READ_RETRY_MS = 500;

export interface TrainingWorkerOptions extends Pick<ServiceBase, 'log' | 'hurry'> {
  readonly services: WorkerServices;
  readonly config: WorkerConfig;
}

export class TrainingWorker {
  readonly #services: WorkerServices;
  readonly #identity: Omit<PresentWorker, 'jobs' | 'residentBytes' | 'cpuSeconds' | 'isStorageUp'>;
  readonly #log: Logger;
  readonly #closeGraceMs: number;
  readonly #hurry: AbortSignal;
  readonly #reader: Worker<WakeUp>;
  readonly #repetitions: (() => void)[] = [];
  /** No worker counts as lost before this time of `performance.now()`. */
  #lostCheckFrom = 0;
  #closed: Promise<void> | undefined;

  constructor({ services, config, log, hurry }: TrainingWorkerOptions) {
    const { name, health, onError, redis, runs } = services;
    const { concurrency, relaxed, closeGraceMs } = config;
    this.#services = services;
    this.#identity = {
      name,
      host: hostname(),
      pid: process.pid,
      engineVersion: relaxed ? relaxedEngineVersion : engineVersion,
      concurrency,
      startedAt: new Date().toISOString(),
    };
    this.#log = log;
    this.#closeGraceMs = closeGraceMs;
    this.#hurry = hurry;
    health.onRecovery(() => this.#redisRecovered());
    redis.on('ready', () => this.#redisReady());
    redis.on('close', () => this.#redisClosed());
    this.#reader = new Worker<WakeUp>(trainQueueName, (wakeUp, token = '') => runs.process(wakeUp, token), {
      ...trainWorkerOptions({ redis, prefix: services.prefix, concurrency }),
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
    this.#services.uploads.sweep().catch((error: unknown) => this.#log.warn({ err: error }, 'copies of datasets could not be cleared'));
    await Promise.all([this.#services.pool.ready(), this.#reader.waitUntilReady()]);
    if (this.#closed !== undefined) return;
    const every = (ms: number, what: string, task: () => Promise<void>): (() => void) =>
      repeat(ms, task, (error) => this.#taskFailed(what, error));
    this.#repetitions.push(
      every(RENEW_MS, 'renew the leases', async () => await this.#services.runs.renewLeases()),
      every(ANNOUNCE_MS, 'announce this worker', async () => await this.#announce()),
      every(LOST_JOBS_MS, 'look for lost jobs', async () => await this.#fetchLostJobs()),
      every(RECONCILE_MS, 'look for waiting jobs without a wake-up', async () => await this.#reconcile()),
    );
    await this.#announce();
    this.#reader.run().catch((error: unknown) => this.#log.error({ err: error }, 'reading the queue has stopped'));
  }

  /** The name of this worker in jobs and in the list of workers. */
  get name(): string {
    return this.#services.name;
  }

  /** The ids of the running jobs. */
  get jobs(): string[] {
    return this.#services.runs.jobs;
  }

  /** Takes no more jobs. Running jobs may finish within `closeGraceMs` and are then handed back to the queue. Safe to call twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #redisClosed(): void {
    this.#lostCheckFrom = Number.POSITIVE_INFINITY;
  }

  #redisReady(): void {
    if (this.#lostCheckFrom > 0) this.#redisRecovered();
  }

  /** Renews the leases. For some seconds no worker counts as lost, because no worker could renew its leases during the outage. */
  #redisRecovered(): void {
    this.#lostCheckFrom = performance.now() + RECONNECT_GRACE_MS;
    this.#services.runs.renewLeases().catch((error: unknown) => this.#taskFailed('renew the leases', error));
  }

  #taskFailed(what: string, error: unknown): void {
    if (this.#services.health.report(error) === null) this.#log.warn({ err: error }, `could not ${what}; retrying`);
  }

  /** Queues the jobs of lost workers again, and their wake-ups. */
  async #fetchLostJobs(): Promise<void> {
    if (this.#services.health.failure !== null || performance.now() < this.#lostCheckFrom) return;
    const jobIds = await this.#services.jobs.interruptLost();
    if (jobIds.length > 0) this.#log.warn({ jobIds }, 'the worker of these jobs is lost; they are queued again');
    await this.#reader.getBackend().moveStalledJobsToWait();
  }

  async #reconcile(): Promise<void> {
    const missing = await this.#services.jobs.reconcileQueue();
    if (missing > 0) this.#log.info({ missing }, 'added missing wake-ups for waiting jobs');
    const settled = await this.#services.jobs.settleAbandoned();
    if (settled > 0) this.#log.warn({ settled }, 'cancelled or paused jobs as requested, in place of their lost workers');
  }

  async #announce(): Promise<void> {
    const { user, system } = process.cpuUsage();
    const spent = { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, isStorageUp: !this.#services.outage.isOn };
    await this.#services.presence.announce({ ...this.#identity, ...spent, jobs: this.jobs });
  }

  async #close(): Promise<void> {
    const { runs, presence } = this.#services;
    this.#log.info({ jobs: this.jobs }, 'taking no more jobs');
    const read = this.#reader.close();
    await within(this.#closeGraceMs, Promise.race([read, aborted(this.#hurry)]));
    runs.handBackAll();
    const inTime = await within(HAND_BACK_MS, read);
    if (!inTime) this.#log.warn({ jobs: this.jobs }, 'closing with running jobs; another worker will take them over');
    for (const end of this.#repetitions) end();
    // Without Redis neither can succeed. The list of workers then drops this worker a few seconds later.
    await within(closingPatienceMs, Promise.allSettled([presence.withdraw(this.name), this.#reader.disconnect()]));
  }
}

/** Resolves when the signal is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
