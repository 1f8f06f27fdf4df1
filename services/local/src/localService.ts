// The whole service on one machine: a locked data folder, Redis, an API process and a worker process. They start together and stop in order.
// The caller (a terminal, the demo or a test) decides where messages go and when the service ends.
import {
  ClosedError,
  CloseStack,
  lockHome,
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
  readonly #stack = new CloseStack();
  #worker: ServiceProcess | null = null;
  #url: string | null = null;
  #starting: Promise<void> | null = null;

  constructor(options: LocalServiceOptions) {
    this.#options = options;
  }

  /** The URL of the API. @throws Error if `start` has not resolved yet */
  get url(): string {
    if (this.#url === null) throw new Error('the service has no address before it has started');
    return this.#url;
  }

  /**
   * Starts everything. Resolves when jobs can be submitted. If a part fails to start, the others are stopped.
   * @throws EnvironmentError if a setting cannot be used
   * @throws HomeLockedError if another process uses the home folder
   * @throws RedisStartError if Redis cannot be started
   * @throws ServiceStartError if the API or the worker does not become ready
   * @throws ClosedError if `close` is called before the start has ended
   */
  start(): Promise<void> {
    return (this.#starting ??= this.#start());
  }

  /** Stops the API, then the worker, then Redis. Safe to call twice, and during the start. */
  async close(): Promise<void> {
    await this.#stack.close();
    await this.#starting?.catch(() => undefined);
  }

  /** Makes a closing worker hand back its running jobs at once instead of waiting for them. */
  endGrace(): void {
    this.#worker?.endGrace();
  }

  async #start(): Promise<void> {
    try {
      await this.#startAll();
      this.#stack.throwIfClosing();
    } catch (error) {
      // A service that `close` has stopped ends its start with an error of its own.
      const reason = this.#stack.isClosing ? new ClosedError() : error;
      await this.#stack.close();
      throw reason;
    }
  }

  async #startAll(): Promise<void> {
    const { env, log, logTo = 2 } = this.#options;
    const environment = readEnvironment(env);
    const { home, redisMemoryBytes } = environment;
    requireKeysBeyondLoopback(environment);
    requireWritableFolders(environment);
    await this.#stack.open(
      async () => await lockHome(home),
      (lock) => lock.release(),
    );
    const redis = await this.#stack.open(
      async () => await startRedis({ home, log, env, ...(redisMemoryBytes !== null && { memoryBytes: redisMemoryBytes }) }),
      (opened) => opened.close(),
    );
    // Checked here as well, so that a problem is reported once and not by each service.
    if (redis.kind === 'external') await requireUsableRedis(redis.url, servicePrefix);

    const shared = { ...env, REDIS_URL: redis.url, TRAINYARD_HOME: home };
    // Only the API needs these secrets.
    const { TRAINYARD_API_KEYS: _keys, TRAINYARD_WEBHOOK_SECRET: _secret, ...workerEnv } = shared as NodeJS.ProcessEnv;
    // With port 0 the system chose a port. A restarted API must use the same one, because clients know it.
    const port = (): string => (this.#url !== null && environment.port === 0 ? new URL(this.#url).port : String(environment.port));
    const apiEnv = (): NodeJS.ProcessEnv => ({ ...shared, PORT: port() });
    const worker = new ServiceProcess({
      log,
      logTo,
      name: 'worker',
      program: workerProgram,
      env: () => workerEnv,
      stopGraceMs: workerStopGraceMs,
    });
    this.#stack.defer(() => worker.stop());
    this.#worker = worker;
    const api = new ServiceProcess({ log, logTo, name: 'API', program: apiProgram, env: apiEnv, stopGraceMs: apiStopGraceMs });
    this.#stack.defer(() => api.stop());
    const [{ url }] = await Promise.all([api.start(), worker.start()]);
    if (url === null) throw new Error('the API did not say where it listens');
    this.#url = url;
  }
}
