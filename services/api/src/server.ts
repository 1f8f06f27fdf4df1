// The API's process: reads the environment, connects, listens, and stops in an orderly way on SIGTERM, SIGINT or when
// whoever launched it is gone. Prints `listening on http://HOST:PORT` on stdout when ready; its log goes to stderr,
// one JSON object a line.
import {
  type Environment,
  EnvironmentError,
  interruptionSignals,
  onInterruption,
  onLauncherGone,
  openConnections,
  openTelemetry,
  readEnvironment,
  requireKeysBeyondLoopback,
  requireUsableRedis,
  requireWritableFolders,
  servicePrefix as prefix,
  tellReady,
  traceFields,
} from '@trainyard/jobs';
import closeWithGrace from 'close-with-grace';
import pino, { type Logger } from 'pino';
import { createApp } from './app.ts';
import { startBackground } from './background.ts';
import { apiConfig } from './config.ts';
import { createServices } from './services.ts';

/** Connections that may wait to be accepted, as after a restart; the system may allow fewer. Others try again after a second. */
const waitingConnections = 4_096;

/** How long a stop may take before the process ends anyway, in ms. */
const longestStopMs = 8000;

type ServerEnvironment = Environment & { readonly redisUrl: string };

/** The environment, complete and safe to serve with. */
function readServerEnvironment(): ServerEnvironment {
  const environment = readEnvironment(process.env);
  requireKeysBeyondLoopback(environment);
  requireWritableFolders(environment);
  const { redisUrl } = environment;
  if (redisUrl === null) {
    const message =
      'is not set: the API alone needs the Redis that its workers use, such as redis://127.0.0.1:6379; npm start brings one along';
    throw new EnvironmentError([{ variable: 'REDIS_URL', message }]);
  }
  return { ...environment, redisUrl };
}

/** JSON lines on stderr. */
function openLog(level: string): Logger {
  return pino(
    {
      level,
      base: { service: 'api', pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => traceFields(),
      // ioredis adds the command that failed to its errors: with the password, where that was AUTH.
      redact: ['authorization', '*.authorization', '*.*.authorization', 'err.command.args', 'err.previousErrors'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

async function main(): Promise<void> {
  const environment = readServerEnvironment();
  const log = openLog(environment.logLevel);
  await requireUsableRedis(environment.redisUrl, prefix);
  const closeTelemetry = await openTelemetry('trainyard-api');
  const meanwhile = 'requests that need it are answered with 503';
  const connections = openConnections({ redisUrl: environment.redisUrl, prefix, log, meanwhile });
  const config = apiConfig(environment);
  const services = await createServices(config, { connections, log });
  const background = await startBackground(config, services);
  const app = await createApp({ services, config });

  const grace = closeWithGrace({ delay: longestStopMs, logger: false, skip: interruptionSignals }, async ({ err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled');
    else log.info('stopping');
    await Promise.all([background.close(), app.close()]);
    await services.close();
    await closeTelemetry();
  });
  let isStopping = false;
  const stopOnce = (): void => {
    if (isStopping) return;
    isStopping = true;
    grace.close();
  };
  // The second time, somebody does not want to wait.
  onInterruption(() => (isStopping ? process.exit(1) : stopOnce()));
  onLauncherGone(stopOnce);

  const url = await app.listen({ host: environment.host, port: environment.port, backlog: waitingConnections });
  process.stdout.write(`listening on ${url}\n`);
  tellReady(url);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
