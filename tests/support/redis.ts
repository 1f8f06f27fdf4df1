// Gives a test access to the Redis of the run, with its own key prefix. After the test its connections are closed and its keys are removed.
// Use `redisTest` instead of vitest's `test`.
import { randomUUID } from 'node:crypto';
import { closeRedis, connectRedis, type RedisKind, type RedisRole, redisKeys } from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import { test as baseTest, inject } from 'vitest';

export interface TestRedis {
  readonly url: string;
  readonly kind: RedisKind;
  /** The random key prefix of the test. Pass it to all classes of the jobs package. */
  readonly prefix: string;
  /** Opens a connection, which is closed after the test. */
  connect(role?: RedisRole): Redis;
  /** Removes all keys under the prefix and closes all connections. `redisTest` does this by itself. */
  close(): Promise<void>;
}

/**
 * Whether the run has a Redis process and not the embedded Redis. Tests that the embedded Redis does not support use
 * `redisTest.skipIf(!hasRedisProcess)('…')`, so that they are reported as skipped.
 */
export const hasRedisProcess = inject('redis').kind !== 'embedded';

/** Returns the Redis of the run that this process uses. */
function redisOfRun(): Pick<TestRedis, 'url' | 'kind'> {
  const { urls, kind } = inject('redis');
  const url = urls[Number(process.env['VITEST_POOL_ID']) % urls.length];
  if (url === undefined) throw new Error('the run has no Redis for this process');
  return { url, kind };
}

/** Opens access to a Redis for one test, by default the Redis of the run. Close it after use. */
export function openTestRedis({ url, kind }: Pick<TestRedis, 'url' | 'kind'> = redisOfRun()): TestRedis {
  const prefix = `test-${randomUUID()}`;
  const connections: Redis[] = [];
  const connect = (role: RedisRole = 'worker'): Redis => {
    // On a busy machine the embedded Redis may need longer for a script than a connection of the role `api` waits.
    const redis = connectRedis(url, { role: kind === 'embedded' && role === 'api' ? 'worker' : role });
    connections.push(redis);
    return redis;
  };
  return {
    url,
    kind,
    prefix,
    connect,
    close: async () => {
      await removeKeys(connect('api'), redisKeys(prefix).tag);
      await Promise.all(connections.splice(0).map(closeRedis));
    },
  };
}

/** Vitest's `test` with a `redis` of its own. */
export const redisTest = baseTest.extend('redis', ({ task: _task }, { onCleanup }) => {
  const redis = openTestRedis();
  onCleanup(async () => await redis.close());
  return redis;
});

async function removeKeys(redis: Redis, tag: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${tag}*`, count: 1_000 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.unlink(...keys);
  }
}
