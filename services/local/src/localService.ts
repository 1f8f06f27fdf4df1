// The whole service on one machine: a locked home, Redis, an API process and a worker process, started together and
// stopped in order. Who runs it (a terminal, the demo, a test) decides where messages go and when it ends.
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
  /** Read as the README lists it; the services inherit it. */
  readonly env: NodeJS.ProcessEnv;
  /** Told, in sentences, what an operator wants to know: which Redis it is, what died and was started again. */
  readonly log: (message: string) => void;
  /** File descriptor for the services' own logs, one JSON object a line; default 2, standard error. */
  readonly logTo?: number;
}

/** Streams end at once; answers in the making get two seconds. */
const apiStopGraceMs = 10_000;
/** The worker finishes the job in hand if that is quick, and else hands it back. */
const workerStopGraceMs = 15_000;

// By the build's layout and not as imports: services never import each other.
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

  /** Where the API answers. @throws before `start` has resolved */
  get url(): string {
    if (this.#url === null) throw new Error('the service has no address before it has started');
    return this.#url;
  }

  /** Which kind of Redis serves. @throws before `start` has resolved */
  get redisKind(): RedisKind {
    if (this.#redis === null) throw new Error('the service has no Redis before it has started');
    return this.#redis.kind;
  }

  /**
   * Starts everything and resolves when jobs are served. What had started by then is stopped when it fails.
   * @throws EnvironmentError, HomeLockedError, RedisStartError, ServiceStartError; LocalServiceClosedError when `close` came first
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Stops everything: the API first, then the worker, Redis last. Safe to call twice, also during the start. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** While closing: does not wait for the job in hand, but has it handed back at once. */
  hurry(): void {
    this.#worker?.hurry();
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
    // Said once here, and not by each service.
    if (this.#redis.kind === 'external') await requireUsableRedis(this.#redis.url, servicePrefix);
    this.#throwIfClosed();

    const shared = { ...env, REDIS_URL: this.#redis.url, TRAINYARD_HOME: environment.home };
    // Only the API needs these secrets.
    const { TRAINYARD_API_KEYS: _keys, TRAINYARD_WEBHOOK_SECRET: _secret, ...workerEnv } = shared as NodeJS.ProcessEnv;
    // A restarted API takes the port again that a 0 picked, where its clients look for it.
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
    // A start that waits for a service ends when that service is stopped.
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
