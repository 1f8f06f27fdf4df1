// The whole service on one machine: a locked data folder, Redis, an API process and a worker process. They start together and stop in order.
// The caller (a terminal, the demo or a test) decides where messages go and when the service ends.
import {
  type HomeLock,
  lockHome,
  type RedisKind,
  type RunningRedis,
  readEnvironment,
  requireKeysBeyondLoopback,
  requireUsableRedis,
  servicePrefix,
  requireWritableFolders,
  startRedis,
} from '@trainyard/jobs';
import { ServiceProcess } from './serviceProcess.ts';

export interface LocalServiceOptions {
  /** The environment variables, as listed in the README. The services inherit them. */
  readonly env: NodeJS.ProcessEnv;
  /** Called with messages for the operator: which Redis is used, and which process died and was restarted. */
  readonly log: (message: string) => void;
  /** The file descriptor for the logs of the services, one JSON object per line. Default 2, standard error. */
  readonly logTo?: number;
}

/** How long the API may take to stop, in ms. It needs less: it ends event streams at once and gives running requests two seconds. */
const apiStopGraceMs = 10_000;
/** How long the worker may take to stop, in ms. It lets running jobs finish for some seconds and hands back the others. */
const workerStopGraceMs = 15_000;

// Paths of the build instead of imports, because services never import each other.
const apiProgram = new URL('../../api/dist/server.js', import.meta.url);
const workerProgram = new URL('../../worker/dist/main.js', import.meta.url);

export class LocalService {
  readonly #options: LocalServiceOptions;
  #lock: HomeLock | null = null;
  #redis: RunningRedis | null = null;
  #api: ServiceProcess | null = null;
  #worker: ServiceProcess | null = null;
  #url: string | null = null;
  #starting: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: LocalServiceOptions) {
    this.#options = options;
  }

  /** The URL of the API. @throws Error if `start` has not resolved yet */
  get url(): string {
    if (this.#url === null) throw new Error('the service has no address before it has started');
    return this.#url;
  }

  /** The kind of Redis in use. @throws Error if Redis has not been started yet */
  get redisKind(): RedisKind {
    if (this.#redis === null) throw new Error('the service has no Redis before it has started');
    return this.#redis.kind;
  }

  /**
   * Starts everything. Resolves when jobs can be submitted. If a part fails to start, the others are stopped.
   * @throws EnvironmentError if a setting cannot be used
   * @throws HomeLockedError if another process uses the home folder
   * @throws RedisStartError if Redis cannot be started
   * @throws ServiceStartError if the API or the worker does not become ready
   * @throws LocalServiceClosedError if `close` is called before the start has ended
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Stops the API, then the worker, then Redis. Safe to call twice, and during the start. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** Makes a closing worker hand back its running jobs at once instead of waiting for them. */
  endGrace(): void {
    this.#worker?.endGrace();
  }

  async #start(): Promise<void> {
    try {
      await this.#startAll();
      this.#throwIfClosed();
    } catch (error) {
      await this.#stopAll();
      this.#throwIfClosed();
      throw error;
    }
  }

  async #startAll(): Promise<void> {
    const { env, log } = this.#options;
    const environment = readEnvironment(env);
    requireKeysBeyondLoopback(environment);
    requireWritableFolders(environment);
    this.#lock = await lockHome(environment.home);
    const { redisMemoryBytes } = environment;
    this.#redis = await startRedis({
      home: environment.home,
      log,
      env,
      ...(redisMemoryBytes !== null && { memoryBytes: redisMemoryBytes }),
    });
    // Checked here as well, so that a problem is reported once and not by each service.
    if (this.#redis.kind === 'external') await requireUsableRedis(this.#redis.url, servicePrefix);
    this.#throwIfClosed();

    const shared = { ...env, REDIS_URL: this.#redis.url, TRAINYARD_HOME: environment.home };
    // Only the API needs these secrets.
    const { TRAINYARD_API_KEYS: _keys, TRAINYARD_WEBHOOK_SECRET: _secret, ...workerEnv } = shared as NodeJS.ProcessEnv;
    // With port 0 the system chose a port. A restarted API must use the same one, because clients know it.
    const port = () => (this.#url !== null && environment.port === 0 ? new URL(this.#url).port : String(environment.port));
    const apiEnv = () => ({ ...shared, PORT: port() });
    const common = { log, logTo: this.#options.logTo ?? 2 };
    this.#api = new ServiceProcess({ ...common, name: 'API', program: apiProgram, env: apiEnv, stopGraceMs: apiStopGraceMs });
    this.#worker = new ServiceProcess({
      ...common,
      name: 'worker',
      program: workerProgram,
      env: () => workerEnv,
      stopGraceMs: workerStopGraceMs,
    });
    const [{ url }] = await Promise.all([this.#api.start(), this.#worker.start()]);
    if (url === null) throw new Error('the API did not say where it listens');
    this.#url = url;
  }

  async #close(): Promise<void> {
    // If the start is still waiting for a service, stopping that service ends the start.
    await this.#api?.stop();
    await this.#worker?.stop();
    await this.#starting?.catch(() => undefined);
    await this.#stopAll();
  }

  async #stopAll(): Promise<void> {
    await this.#api?.stop();
    await this.#worker?.stop();
    await this.#redis?.close();
    this.#lock?.release();
  }

  #throwIfClosed(): void {
    if (this.#closed !== null) throw new LocalServiceClosedError();
  }
}

/** The service was closed before it had started. */
export class LocalServiceClosedError extends Error {
  readonly code = 'closed';

  constructor() {
    super('the service was stopped before it had started');
    this.name = 'LocalServiceClosedError';
  }
}
