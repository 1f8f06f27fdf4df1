// Tests the list of workers. Workers announce themselves, withdraw, or stop announcing themselves.
import { redisKeys, WorkerPresence } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { redisTest as test } from '../../support/redis.ts';

function worker(name: string) {
  return {
    name,
    host: 'here',
    pid: 1,
    engineVersion: '0.1.0',
    concurrency: 2,
    jobs: ['job_1'],
    startedAt: '2026-11-23T00:00:00.000Z',
    residentBytes: 1e8,
    cpuSeconds: 1,
  };
}

const seen = (name: string) => ({ ...worker(name), lastSeenAt: expect.stringMatching(/^\d{4}-.*Z$/) as string });

describe('the list of workers', () => {
  test('contains the announced workers with their last announcement, ordered by name', async ({ redis }) => {
    const presence = new WorkerPresence({ redis: redis.connect(), prefix: redis.prefix });
    expect(await presence.list()).toEqual([]);
    await presence.announce(worker('b'));
    await presence.announce(worker('a'));
    await presence.announce({ ...worker('b'), jobs: [] });
    expect(await presence.list()).toEqual([seen('a'), { ...seen('b'), jobs: [] }]);
  });

  test('does not contain workers that withdrew or stopped announcing', async ({ redis }) => {
    const connection = redis.connect();
    const presence = new WorkerPresence({ redis: connection, prefix: redis.prefix });
    for (const name of ['a', 'b', 'c']) await presence.announce(worker(name));
    await presence.withdraw('a');
    const keys = redisKeys(redis.prefix);
    expect(await connection.pttl(keys.worker('b'))).toBeGreaterThan(0);
    await connection.del(keys.worker('b'));
    expect(await presence.list()).toEqual([seen('c')]);
    expect(await connection.smembers(keys.workers)).toEqual(['c']);
  });
});
