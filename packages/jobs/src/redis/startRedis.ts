// Chooses the Redis of a program. If REDIS_URL is set, it names the Redis. Otherwise a private Redis is started on this machine or, if no
// redis-server is installed, the embedded Redis.
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { RedisStartError } from '../errors.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { type RunningRedis, startPrivateRedis } from './privateRedis.ts';

export interface StartRedisOptions {
  /** The data folder. A private Redis stores its data in the subfolder `redis`. The caller must lock the folder first. */
  readonly home: string;
  /** Called with messages about the Redis that is used. */
  readonly log: (message: string) => void;
  /** The maxmemory of a private Redis, in bytes. Default: a quarter of this machine's memory. */
  readonly memoryBytes?: number;
  /** The environment variables. Only REDIS_URL and PATH are used. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The programs that can run as a private Redis, in the order of the search. */
export const redisPrograms = ['redis-server', 'valkey-server'] as const;

/**
 * Returns the Redis of REDIS_URL without connecting to it, or starts a Redis and waits until it answers.
 * @throws RedisStartError if the Redis does not start. The message of a private Redis contains its output
 */
export async function startRedis({ home, log, env, memoryBytes }: StartRedisOptions): Promise<RunningRedis> {
  const url = env['REDIS_URL'];
  if (url !== undefined && url !== '') {
    log('using the Redis of REDIS_URL');
    return { url, kind: 'external', close: () => Promise.resolve() };
  }
  for (const program of redisPrograms) {
    const path = findOnPath(program, env['PATH'] ?? '');
    if (path !== null) return await startPrivateRedis({ program: path, home, log, ...(memoryBytes !== undefined && { memoryBytes }) });
  }
  if (process.platform === 'win32')
    log('for a durable Redis on Windows, run Redis in a container or on another machine, and set REDIS_URL');
  return await startEmbeddedRedis(log).catch((error: unknown) => {
    throw new RedisStartError('the embedded Redis did not start: install redis-server, or set REDIS_URL', { cause: error });
  });
}

/** Starts the embedded Redis on a free port of 127.0.0.1. Its data is lost when this process ends. */
export async function startEmbeddedRedis(log: (message: string) => void): Promise<RunningRedis> {
  // Imported only here, because it loads a Lua interpreter, which most processes never need.
  const { createRedisServer } = await import('js-redis-server');
  const server = await createRedisServer({ port: 0 });
  const url = `redis://127.0.0.1:${server.port}`;
  await loadLua(url);
  log(
    'using the embedded Redis, which is neither durable nor fast: jobs are lost when this process ends, and a queue of many jobs is slow. ' +
      'Install redis-server for real use (Debian: apt-get install redis-server).',
  );
  let closed: Promise<void> | null = null;
  return {
    url,
    kind: 'embedded',
    close: () => (closed ??= server.close()),
  };
}

/** Runs a script, so that Redis loads its Lua interpreter now. Otherwise, the first script of the service would take much longer. */
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
