// Finds or starts the Redis of a program on this machine: the one of REDIS_URL, else a private one, else the embedded one.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { RedisStartError } from '../errors.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { type RunningRedis, startPrivateRedis } from './privateRedis.ts';

export interface StartRedisOptions {
  /** The data folder; a private Redis keeps its data in `redis` below it. Lock it first. */
  readonly home: string;
  /** Called with sentences that say which Redis is used and what to know about it. */
  readonly log: (message: string) => void;
  /** The maxmemory of a private Redis, in bytes; default: a quarter of this machine's memory. */
  readonly memoryBytes?: number;
  /** REDIS_URL and PATH are read from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The programs that serve as a private Redis, in the order they are looked for. */
export const redisPrograms = ['redis-server', 'valkey-server'] as const;

/**
 * Finds or starts a Redis, and waits until it answers.
 * @throws RedisStartError if a Redis does not start. The error has its output
 */
export async function startRedis({ home, log, env, memoryBytes }: StartRedisOptions): Promise<RunningRedis> {
  const url = env['REDIS_URL'];
  if (url !== undefined && url !== '') {
    log('Redis is the one of REDIS_URL');
    return { url, kind: 'external', close: () => Promise.resolve() };
  }
  for (const program of redisPrograms) {
    const path = findOnPath(program, env['PATH'] ?? '');
    if (path !== null) return await startPrivateRedis({ program: path, home, log, ...(memoryBytes !== undefined && { memoryBytes }) });
  }
  if (process.platform === 'win32') log('a durable Redis on Windows is one in a container or on another machine: set REDIS_URL to it');
  return await startEmbeddedRedis(log).catch((error: unknown) => {
    throw new RedisStartError('the embedded Redis did not start: install redis-server, or set REDIS_URL', { cause: error });
  });
}

/** Starts the embedded Redis on a free loopback port. It forgets everything when the process ends. */
export async function startEmbeddedRedis(log: (message: string) => void): Promise<RunningRedis> {
  // Loaded only here: it brings a Lua interpreter, which most processes never need.
  const { createRedisServer } = await import('js-redis-server');
  const server = await createRedisServer({ port: 0 });
  const url = `redis://127.0.0.1:${server.port}`;
  await loadLua(url);
  log(
    'Redis is the embedded one, neither durable nor fast: jobs are forgotten when this process ends, and a queue of many jobs is slow. ' +
      'Install redis-server for real use (Debian: apt-get install redis-server).',
  );
  let closed: Promise<void> | null = null;
  return {
    url,
    kind: 'embedded',
    close: () => (closed ??= server.close()),
  };
}

/** Runs a first script, which takes far longer than later ones because the Lua interpreter is loaded for it. */
async function loadLua(url: string): Promise<void> {
  const redis = connectRedis(url, { role: 'worker' });
  try {
    await redis.eval('return 1', 0);
  } finally {
    await closeRedis(redis);
  }
}

/** Returns the first executable file of this name in the folders of a PATH; null if there is none. */
export function findOnPath(program: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const candidate = join(folder, program);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
