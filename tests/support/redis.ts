// What a test gets of the run's Redis: a key prefix of its own, connections that are closed after it, and its keys
// removed, no others. Use `redisTest` in place of vitest's `test`, and the `redis` it hands over.
import { randomUUID } from 'node:crypto';
import { closeRedis, connectRedis, type RedisKind, type RedisRole, redisKeys } from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import { test as baseTest, inject } from 'vitest';

export interface TestRedis {
  readonly url: string;
  readonly kind: RedisKind;
  /** Random; every class of the jobs package takes it. */
  readonly prefix: string;
  /** A connection that is closed after the test. */
  connect(role?: RedisRole): Redis;
  /** Removes all keys under the prefix and closes all connections. `redisTest` does this by itself. */
  close(): Promise<void>;
}

/**
 * Whether the run has a Redis process, and not the embedded one. For tests that need more than the embedded one can:
 * `redisTest.skipIf(!hasRedisProcess)('…')`, so that they show up as skipped, by name.
 */
export const hasRedisProcess = inject('redis').kind !== 'embedded';

/** Access to a Redis for one test; left out, the run's. Close it after use. */
export function openTestRedis({ url, kind }: Pick<TestRedis, 'url' | 'kind'> = inject('redis')): TestRedis {
  const prefix = `test-${randomUUID()}`;
  const connections: Redis[] = [];
  const connect = (role: RedisRole = 'worker'): Redis => {
    const redis = connectRedis(url, { role });
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

/** Vitest's `test`, with `redis` for it alone. */
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
