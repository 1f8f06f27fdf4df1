// Tests an API process whose Redis is nearly full. The process accepts jobs, but is not ready. Its metrics show that Redis is nearly full,
// and its log says so once.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobPage, Problem } from '@trainyard/contracts';
import { expect, test } from 'vitest';
import { hasRedisServer, RedisServer } from '../support/redisServer.ts';
import { until } from '../support/until.ts';
import { startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

test.skipIf(!hasRedisServer)(
  'readiness and metrics report a Redis that is nearly full, while jobs are accepted',
  async ({ onTestFinished }) => {
    const redis = await RedisServer.start('--appendonly', 'no');
    const home = await mkdtemp(join(tmpdir(), 'trainyard-nearly-full-'));
    const server = startServer({ REDIS_URL: redis.url, TRAINYARD_HOME: home });
    onTestFinished(async () => {
      server.child.kill('SIGKILL');
      await server.exit;
      await redis.close();
      await rm(home, { recursive: true, force: true });
    });
    const url = await server.ready();
    const isReady = async (): Promise<boolean> => (await fetch(`${url}/health/ready`)).status === 200;
    const metric = async (name: string): Promise<number | undefined> => {
      const value = new RegExp(`^${name} (.*)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1];
      return value === undefined ? undefined : Number(value);
    };
    await until(isReady);
    const used = await metric('trainyard_redis_memory_used_bytes');
    expect(used).toBeGreaterThan(100_000);
    expect([await metric('trainyard_redis_memory_max_bytes'), await metric('trainyard_redis_has_room')]).toEqual([0, 1]);

    // From command to command the memory of Redis varies by some kilobytes. This is far below 10 % of the 50 MB of data.
    await redis.call('SET', 'ballast', 'x'.repeat(50_000_000));
    await redis.call('CONFIG', 'SET', 'maxmemory', 55_000_000);
    await until(async () => !(await isReady()));
    const { errors } = (await (await fetch(`${url}/health/ready`)).json()) as Problem;
    expect(errors).toMatchObject([{ path: '/dependencies/redis', code: 'down' }]);
    expect(errors?.[0]?.message).toMatch(/^redis is nearly full: it uses more than 90 % of its maxmemory\. Raise its maxmemory/);
    expect([await metric('trainyard_redis_memory_max_bytes'), await metric('trainyard_redis_has_room')]).toEqual([55_000_000, 0]);
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(tutorial) })).status).toBe(202);

    // A full Redis accepts no new job, but a job can be deleted.
    const old = (await (await fetch(`${url}/jobs?limit=1`)).json()) as JobPage;
    const job = `${url}/jobs/${old.data[0]?.id}`;
    expect((await fetch(`${job}/cancel`, { method: 'POST', headers, body: '{}' })).status).toBe(202);
    await redis.call('CONFIG', 'SET', 'maxmemory', 1_000_000);
    expect((await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(tutorial) })).status).toBe(503);
    expect((await fetch(job, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(job)).status).toBe(404);
    await redis.call('CONFIG', 'SET', 'maxmemory', 55_000_000);

    await redis.call('DEL', 'ballast');
    await until(isReady);
    expect(await metric('trainyard_redis_has_room')).toBe(1);
    server.child.kill('SIGTERM');
    await server.exit;
    const log = await server.stderr;
    expect(log.match(/"Redis is nearly full[^"]*"/g)).toHaveLength(1);
    expect(log.match(/"Redis is no longer nearly full"/g)).toHaveLength(1);
  },
);
