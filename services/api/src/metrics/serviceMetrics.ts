// The metrics for Prometheus: the requests, streams and resources of this process, and the totals of the whole service from Redis. Every
// API process reports the same totals, so they must not be added up. Names follow Prometheus's naming practices.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { Totals } from '@trainyard/jobs';

/**
 * The metrics of this process, such as its memory; undefined before the first `ServiceMetrics` is made. All instances share these metrics,
 * because the timers and observers that measure them never end.
 */
let processMetrics: Registry | undefined;

function measureProcess(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'trainyard_http_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its response, by route. Event streams are not counted.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });
  readonly #delays = new Histogram({
    name: 'trainyard_event_delay_seconds',
    help: 'Time from when an event is stored in Redis until this process has received it for its event streams.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [this.#registry],
  });
  readonly #followers = this.#gauge('trainyard_event_streams', 'Event streams of jobs that clients have open at this process.');
  readonly #redisUp = this.#gauge(
    'trainyard_redis_up',
    '1 if Redis answered, 0 if not. If it did not answer, the metrics that are stored in Redis are missing.',
  );
  readonly #redisUsed = this.#gauge('trainyard_redis_memory_used_bytes', 'Memory that Redis uses; 0 if Redis does not report it.');
  readonly #redisMax = this.#gauge('trainyard_redis_memory_max_bytes', 'The maxmemory of Redis; 0 for no limit.');
  readonly #redisHasRoom = this.#gauge(
    'trainyard_redis_has_room',
    '1 while Redis uses less than 90 % of its maxmemory, 0 when it is nearly full.',
  );
  readonly #storageUp = this.#gauge(
    'trainyard_storage_up',
    '1 if this process can write and read a small file in the artifact storage; 0 if the storage is unavailable, refuses access or is full.',
  );
  readonly #leftWebhooks = this.#counter(
    'trainyard_webhooks_left_total',
    'Webhook deliveries that this process left to another process, by the setting that this process lacks.',
    ['setting'],
  );
  readonly #jobs = this.#gauge(
    'trainyard_jobs',
    'Current jobs, by status. The status "leaving" means that the job will soon be cancelled or paused.',
    ['status'],
  );
  readonly #ended = this.#counter('trainyard_jobs_ended_total', 'Jobs that have ended, by their final status.', ['status']);
  readonly #epochs = this.#counter('trainyard_epochs_total', 'Epochs trained by all workers.');
  readonly #samples = this.#counter('trainyard_samples_total', 'Samples trained on by all workers.');
  readonly #seconds = this.#counter(
    'trainyard_training_seconds_total',
    'Seconds that all workers spent on the epochs, without evaluation.',
  );
  readonly #queues = this.#gauge('trainyard_queue_entries', "Entries of the queues, by BullMQ's state.", ['queue', 'state']);
  readonly #capacity = this.#gauge('trainyard_worker_capacity', 'Jobs that a worker trains at a time.', ['worker']);
  readonly #runningJobs = this.#gauge('trainyard_worker_jobs', 'Jobs that a worker is running now.', ['worker']);
  readonly #resident = this.#gauge('trainyard_worker_resident_bytes', 'Memory of the worker, without its training processes.', ['worker']);
  readonly #workerStorageUp = this.#gauge(
    'trainyard_worker_storage_up',
    '1 if no job of the worker waits for the storage or its disk, 0 if a job waits.',
    ['worker'],
  );
  readonly #cpu = this.#counter('trainyard_worker_cpu_seconds_total', 'Processor time of the worker, without its training processes.', [
    'worker',
  ]);

  /** The metrics of this instance and the metrics of the process, in one registry. */
  readonly #all: Registry;

  constructor() {
    processMetrics ??= measureProcess();
    this.#all = Registry.merge([this.#registry, processMetrics]);
  }

  get contentType(): string {
    return this.#all.contentType;
  }

  /** @param route the pattern of the route, such as `/jobs/:id`. Paths would make an unlimited number of time series */
  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  countLeftWebhook(setting: string): void {
    this.#leftWebhooks.inc({ setting });
  }

  observeDelay(seconds: number): void {
    this.#delays.observe(seconds);
  }

  /**
   * Returns all metrics in Prometheus's text format.
   * @param totals the totals of the whole service, or null while Redis is unavailable
   */
  async text(totals: Totals | null, followers: number, isStorageUp: boolean): Promise<string> {
    this.#followers.set(followers);
    this.#storageUp.set(isStorageUp ? 1 : 0);
    this.#redisUp.set(totals === null ? 0 : 1);
    const shared = [this.#jobs, this.#ended, this.#epochs, this.#samples, this.#seconds, this.#queues];
    const ofWorkers = [this.#capacity, this.#runningJobs, this.#resident, this.#cpu, this.#workerStorageUp];
    for (const metric of [...shared, ...ofWorkers]) metric.reset();
    this.#redisUsed.set(totals?.redisMemory?.usedBytes ?? 0);
    this.#redisMax.set(totals?.redisMemory?.maxBytes ?? 0);
    this.#redisHasRoom.set(totals?.redisMemory?.hasRoom === false ? 0 : 1);
    if (totals !== null) this.#fill(totals);
    return await this.#all.metrics();
  }

  #fill({ jobs, ended, epochs, samples, seconds, queues, workers }: Totals): void {
    const { queued, running, stopping } = jobs;
    // Monitoring systems know the label `leaving` from earlier versions.
    for (const [status, count] of Object.entries({ queued, running, leaving: stopping })) this.#jobs.set({ status }, count);
    for (const [status, count] of Object.entries(ended)) this.#ended.inc({ status }, count);
    this.#epochs.inc(epochs);
    this.#samples.inc(samples);
    this.#seconds.inc(seconds);
    for (const [queue, depths] of Object.entries(queues))
      for (const [state, count] of Object.entries(depths)) this.#queues.set({ queue, state }, count);
    for (const { name: worker, concurrency, jobs: runningJobs, residentBytes, cpuSeconds, isStorageUp } of workers) {
      this.#capacity.set({ worker }, concurrency);
      this.#runningJobs.set({ worker }, runningJobs.length);
      this.#resident.set({ worker }, residentBytes);
      this.#cpu.inc({ worker }, cpuSeconds);
      if (isStorageUp !== undefined) this.#workerStorageUp.set({ worker }, isStorageUp ? 1 : 0);
    }
  }

  #gauge<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter<Label extends string = never>(name: string, help: string, labelNames: Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
