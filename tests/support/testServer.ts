// Starts the Redis of a test run, with its data in a temporary folder.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, type RedisKind, redisPrograms, type RunningRedis, startRedis } from '@trainyard/jobs';

export type TestServer = RunningRedis;

/** The servers of a test run. */
export interface TestServers {
  readonly urls: readonly string[];
  readonly kind: RedisKind;
  close(): Promise<void>;
}

const isEmbedded = (env: NodeJS.ProcessEnv): boolean =>
  (env['REDIS_URL'] ?? '') === '' && redisPrograms.every((program) => findOnPath(program, env['PATH'] ?? '') === null);

/**
 * Starts the Redis that a service would use with these environment variables. Logs whether it is the Redis of REDIS_URL or a private Redis.
 * An embedded Redis runs in a separate process and is not logged.
 */
export async function startTestServer(env: NodeJS.ProcessEnv): Promise<TestServer> {
  if (isEmbedded(env)) return await startEmbedded();
  const home = await mkdtemp(join(tmpdir(), 'trainyard-tests-'));
  const redis = await startRedis({ home, log: (message) => console.log(`tests: ${message}`), env });
  return {
    ...redis,
    close: async () => {
      await redis.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/**
 * Starts the Redis of a test run. The embedded Redis is slow, so there is one for each test file that runs at the same time.
 * @param files how many test files run at the same time
 */
export async function startTestServers(env: NodeJS.ProcessEnv, files: number): Promise<TestServers> {
  const count = isEmbedded(env) ? files : 1;
  const servers = await Promise.all(Array.from({ length: count }, async () => await startTestServer(env)));
  return {
    urls: servers.map(({ url }) => url),
    kind: servers[0]?.kind ?? 'embedded',
    close: async () => void (await Promise.all(servers.map(async (server) => await server.close()))),
  };
}

async function startEmbedded(): Promise<TestServer> {
  const child = fork(new URL('./embeddedRedisProcess.ts', import.meta.url));
  const exited = once(child, 'exit');
  const [url] = (await Promise.race([once(child, 'message'), exited])) as [unknown];
  if (typeof url !== 'string') throw new Error(`the embedded Redis ended at its start: exit code ${String(url)}`);
  return {
    url,
    kind: 'embedded',
    close: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
