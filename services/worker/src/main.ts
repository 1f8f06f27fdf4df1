// The worker's program: reads the environment once and runs a worker with these settings. The log goes to stderr, one JSON object per line.
import {
  type Environment,
  EnvironmentError,
  openArtifacts,
  readEnvironment,
  requireUsableRedis,
  requireWritableFolders,
  servicePrefix,
} from '@trainyard/jobs';
import { pino } from 'pino';
import { runProcess } from './runProcess.ts';

/** Returns the URL of Redis. Only `npm start` starts a Redis by itself. @throws EnvironmentError if the URL is not set */
function redisUrlOf({ redisUrl }: Environment): string {
  if (redisUrl !== null) return redisUrl;
  const message = 'a worker needs the URL of its Redis, such as redis://127.0.0.1:6379; only npm start starts a Redis by itself';
  throw new EnvironmentError([{ variable: 'REDIS_URL', message }]);
}

try {
  const env = readEnvironment(process.env);
  requireWritableFolders(env);
  const redisUrl = redisUrlOf(env);
  await requireUsableRedis(redisUrl, servicePrefix);
  await runProcess({
    redisUrl,
    prefix: servicePrefix,
    concurrency: env.concurrency,
    relaxed: env.relaxed,
    memoryBytes: env.limits.memoryBytes,
    artifacts: await openArtifacts(env.artifactsUrl, env.home),
    data: {
      folders: env.datasets === null ? [] : [env.datasets],
      home: env.home,
      ...(env.datasetsUrl === null ? {} : { mirror: env.datasetsUrl }),
    },
    log: pino(
      {
        level: env.logLevel,
        base: { service: 'worker', pid: process.pid },
        timestamp: pino.stdTimeFunctions.isoTime,
        // ioredis adds the failed command to its errors. If that was AUTH, it contains the password.
        redact: ['err.command.args', 'err.previousErrors'],
      },
      pino.destination({ dest: 2, sync: true }),
    ),
  });
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
