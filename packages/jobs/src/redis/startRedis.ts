// Where a program on this machine finds its Redis: the one it is told of, else a private one, else the embedded one.
import { RedisStartError } from '../errors.ts';
import { startEmbeddedRedis } from './embeddedRedis.ts';
import { findOnPath } from './findOnPath.ts';
import { startPrivateRedis } from './privateRedis.ts';

/** `external`: somebody else's; `private`: a process of ours, durable; `embedded`: in this process, gone with it. */
export type RedisKind = 'external' | 'private' | 'embedded';

export interface RunningRedis {
  /** Holds the password of a private one: not for logs. */
  readonly url: string;
  readonly kind: RedisKind;
  /** Stops what was started, after everything that uses it; leaves an external one alone. Safe to call twice. */
  close(): Promise<void>;
}

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
 * @throws RedisStartError one is there but does not start; says what it printed
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
