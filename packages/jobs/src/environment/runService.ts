// Runs the process of a service, the API or a worker: reads its environment, opens its log, its traces and its connections to Redis, and
// starts it. Everything is closed in reverse order on a signal, after an unhandled error, when the launcher is gone, and after a failed
// start. The log goes to standard error, one JSON object per line.
import closeWithGrace from 'close-with-grace';
import { type Logger, pino } from 'pino';
import { EnvironmentError } from '../errors.ts';
import { type Connections, openConnections } from '../redis/connections.ts';
import { servicePrefix } from '../redis/keys.ts';
import { requireUsableRedis } from '../redis/redisAtStart.ts';
import { openTelemetry, traceFields } from '../telemetry.ts';
import { CloseStack, within } from './closeStack.ts';
import { interruptionSignals, onInterruption, onLauncherGone, reportReady } from './process.ts';
import { type Environment, readEnvironment } from './readEnvironment.ts';
import { requireWritableFolders } from './writableFolders.ts';

/** What each service gets from its process. */
export interface ServiceBase {
  readonly connections: Connections;
  readonly log: Logger;
  /** Closes what the service opens. */
  readonly stack: CloseStack;
  /** Aborted when closing must not wait for running work any more: at the second signal, and after an unhandled error. */
  readonly hurry: AbortSignal;
}

export interface Service {
  readonly name: 'api' | 'worker';
  /** The prefix of all keys in Redis. Default: the prefix of the programs. */
  readonly prefix?: string;
  /** The consequence of an outage of Redis, for the log, such as "jobs wait for it". */
  readonly meanwhile: string;
  /** How long a stop may take before the process exits anyway, in ms. */
  readonly longestStopMs: number;
  /** Whether the second signal only hurries the stop, and the third ends the process. Otherwise the second one ends it. */
  readonly canHurry: boolean;
  /** Checks the environment before anything is opened. @throws EnvironmentError if the service cannot run with it */
  readonly check?: (environment: Environment) => void;
  /** Starts the service. Resolves with its URL, or null if it has none, when it is ready. */
  readonly start: (environment: Environment, base: ServiceBase) => Promise<string | null>;
}

/** How long closing the connections to Redis may take, in ms. A Redis that hangs must not delay the end of a process. */
const closeRedisMs = 500;

/** Runs the service until the process ends. If the start fails, prints one line that says why, and exits with 1. */
export async function runService(service: Service, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const stack = new CloseStack();
  try {
    await startService(service, env, stack);
  } catch (error) {
    // After a signal during the start, the process exits when everything is closed.
    if (stack.isClosing) return;
    await stack.close().catch(() => undefined);
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

async function startService(service: Service, env: NodeJS.ProcessEnv, stack: CloseStack): Promise<void> {
  const { name, prefix = servicePrefix, meanwhile } = service;
  const environment = readEnvironment(env);
  service.check?.(environment);
  requireWritableFolders(environment);
  const redisUrl = redisUrlOf(environment);
  await requireUsableRedis(redisUrl, prefix);
  const log = openLog(name, environment.logLevel);
  const hurry = closeOnRequest(service, stack, log);
  await stack.open(
    async () => await openTelemetry(`trainyard-${name}`),
    (close) => close(),
  );
  const connections = openConnections({ redisUrl, prefix, log, meanwhile });
  stack.defer(() => within(closeRedisMs, connections.close()));
  reportReady(await service.start(environment, { connections, log, stack, hurry }));
}

/** @throws EnvironmentError if the URL is not set */
function redisUrlOf({ redisUrl }: Environment): string {
  if (redisUrl !== null) return redisUrl;
  const message = 'is not set. Set it to the Redis that all APIs and workers use, such as redis://127.0.0.1:6379, or use npm start.';
  throw new EnvironmentError([{ variable: 'REDIS_URL', message }]);
}

function openLog(name: Service['name'], level: string): Logger {
  return pino(
    {
      level,
      base: { service: name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => traceFields(),
      // ioredis adds the failed command to its errors. If that was AUTH, it contains the password.
      redact: ['authorization', '*.authorization', '*.*.authorization', 'err.command.args', 'err.previousErrors'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Closes the stack and exits on a signal, after an unhandled error, and when the launcher is gone. @returns {@link ServiceBase.hurry} */
function closeOnRequest({ longestStopMs, canHurry }: Service, stack: CloseStack, log: Logger): AbortSignal {
  const hurry = new AbortController();
  const grace = closeWithGrace({ delay: longestStopMs, logger: log, skip: interruptionSignals }, async ({ err }) => {
    if (err === undefined) log.info('stopping');
    else {
      log.fatal({ err }, 'stopping after an unhandled error');
      hurry.abort();
    }
    await stack.close();
    log.info('stopped');
  });
  let requests = 0;
  const stop = (): void => {
    requests += 1;
    if (requests === 1) grace.close();
    else hurry.abort();
  };
  onInterruption(() => (requests < (canHurry ? 2 : 1) ? stop() : process.exit(1)));
  onLauncherGone(stop);
  return hurry.signal;
}
