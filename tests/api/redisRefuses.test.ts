// The API process while its Redis is there and refuses: it says what the matter is in its 503s and in readiness, logs it once, and goes
// on by itself when the cause is gone.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Problem, problemSchema } from '@trainyard/contracts';
import { connectRedis, redisKeys, servicePrefix } from '@trainyard/jobs';
import { test as baseTest, expect } from 'vitest';
import { hasRedisServer, RedisServer } from '../support/redisServer.ts';
import { until } from '../support/until.ts';
import { startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

const password = 'sesame-open';

/** What the user of the service is allowed. */
const allowed = ['reset', 'on', `>${password}`, '~{trainyard}:*', '&{trainyard}:*', '+@all', '-@admin', '-@dangerous', '+info'];

const serviceTest = baseTest.extend('service', async ({ task: _task }, { onCleanup }) => {
  const redis = await RedisServer.start(
    '--appendonly',
    'no',
    '--lua-time-limit',
    '100',
    '--maxclients',
    '100',
    '--enable-protected-configs',
    'yes',
  );
  await redis.call('ACL', 'SETUSER', 'yard', ...allowed);
  const home = await mkdtemp(join(tmpdir(), 'trainyard-refused-'));
  const server = startServer({
    REDIS_URL: redis.url.replace('//', `//yard:${password}@`),
    TRAINYARD_HOME: home,
    TRAINYARD_RATE_LIMIT: '0',
  });
  onCleanup(async () => {
    server.child.kill('SIGKILL');
    await server.exit;
    await redis.close();
    await rm(home, { recursive: true, force: true });
  });
  const url = await server.ready();
  const post = async () =>
    await fetch(`${url}/jobs`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(tutorial) });
  const ready = async () => await fetch(`${url}/health/ready`);
  await until(async () => (await ready()).status === 200);
  const stop = async (): Promise<string> => {
    server.child.kill('SIGTERM');
    await server.exit;
    return await server.stderr;
  };
  return { redis, url, post, ready, stop };
});

const test = serviceTest.skipIf(!hasRedisServer);

interface Fault {
  readonly name: string;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
  /** What readiness says. */
  readonly says: RegExp;
}

const kill = async (redis: RedisServer): Promise<unknown> => await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
const allow = async (redis: RedisServer, ...rules: string[]): Promise<unknown> => await redis.call('ACL', 'SETUSER', 'yard', ...rules);

/** A script that runs until it is told to end; it must not be awaited. */
function keepBusy(redis: RedisServer): void {
  const connection = connectRedis(redis.url, { role: 'worker' });
  connection
    .eval('while true do end', 0)
    .catch(() => undefined)
    .finally(() => connection.disconnect());
}

const faults: readonly Fault[] = [
  {
    name: 'has become a read-only replica',
    begin: async (redis) => await redis.call('REPLICAOF', '127.0.0.1', '1'),
    end: async (redis) => await redis.call('REPLICAOF', 'NO', 'ONE'),
    says: /redis is a read-only replica/,
  },
  {
    name: 'has become a replica that serves no stale data',
    begin: async (redis) => {
      await redis.call('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
      await redis.call('REPLICAOF', '127.0.0.1', '1');
    },
    end: async (redis) => await redis.call('REPLICAOF', 'NO', 'ONE'),
    says: /redis is a (replica that has lost its primary|read-only replica)/,
  },
  {
    name: 'has another password',
    begin: async (redis) => {
      await allow(redis, 'resetpass', '>another');
      await redis.call('CLIENT', 'KILL', 'USER', 'yard');
    },
    end: async (redis) => await allow(redis, `>${password}`),
    says: /redis refuses the user name or the password/,
  },
  {
    name: 'allows no scripts',
    begin: async (redis) => await allow(redis, '-@scripting'),
    end: async (redis) => await allow(redis, '+@scripting'),
    says: /redis does not let its user run EVAL, EVALSHA, SCRIPT/,
  },
  {
    name: 'allows no commands that block',
    begin: async (redis) => await allow(redis, '-@blocking'),
    end: async (redis) => await allow(redis, '+@blocking'),
    says: /redis does not let its user run BZPOPMIN/,
  },
  {
    name: 'allows other keys alone',
    begin: async (redis) => await allow(redis, 'resetkeys', '~other:*'),
    end: async (redis) => await allow(redis, '~{trainyard}:*'),
    says: /redis does not let its user read and write the keys/,
  },
  {
    name: 'allows other channels alone',
    begin: async (redis) => await allow(redis, 'resetchannels', '&other'),
    end: async (redis) => await allow(redis, '&{trainyard}:*'),
    says: /redis does not let its user publish and subscribe/,
  },
  {
    name: 'has no memory left',
    begin: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory', '1mb'),
    end: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory', '0'),
    says: /redis is full/,
  },
  {
    name: 'cannot save to its disk',
    begin: async (redis) => {
      const lost = join(redis.folder, 'lost');
      await mkdir(lost);
      await redis.call('CONFIG', 'SET', 'dir', lost);
      await rm(lost, { recursive: true });
      await redis.call('CONFIG', 'SET', 'save', '3600 1');
      await redis.call('BGSAVE');
      await until(async () => String(await redis.call('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'));
    },
    end: async (redis) => {
      await redis.call('CONFIG', 'SET', 'dir', redis.folder);
      await redis.call('BGSAVE');
    },
    says: /redis refuses writes because it cannot save its data to disk/,
  },
  {
    name: 'has too few replicas',
    begin: async (redis) => await redis.call('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: async (redis) => await redis.call('CONFIG', 'SET', 'min-replicas-to-write', '0'),
    says: /redis refuses writes because too few replicas follow it/,
  },
  {
    name: 'is busy with a script',
    begin: async (redis) => {
      keepBusy(redis);
      await until(
        async () =>
          await redis.call('PING').then(
            () => false,
            (error: Error) => error.message.startsWith('BUSY'),
          ),
      );
    },
    end: async (redis) => await redis.call('SCRIPT', 'KILL'),
    says: /redis is busy with a script/,
  },
  {
    name: 'has reached its maximum number of clients',
    begin: async (redis) => {
      await redis.call('CONFIG', 'SET', 'maxclients', '1');
      await kill(redis);
    },
    end: async (redis) => await redis.call('CONFIG', 'SET', 'maxclients', '100'),
    says: /redis has reached its maximum number of clients/,
  },
  {
    name: 'would delete jobs',
    begin: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'),
    end: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction'),
    says: /redis would delete jobs when its memory is full: its maxmemory-policy is allkeys-lru/,
  },
  {
    name: 'loads its data',
    begin: async (redis) => {
      const fill = "for key = 1, 4000 do redis.call('SET', 'other:' .. key, string.rep(key, 3000)) end";
      await redis.call('EVAL', fill, 0);
      await redis.call('SAVE');
      // Redis waits 25 ms for each key that it loads, and replies to commands in between. Loading all keys would take longer than the test,
      // so `end` restarts Redis without this delay.
      await redis.restart('--rdbcompression', 'no', '--key-load-delay', '25000', '--loading-process-events-interval-bytes', '2048');
    },
    end: async (redis) => {
      await redis.restart('--aclfile', '');
      await redis.call('ACL', 'SETUSER', 'yard', ...allowed);
    },
    says: /redis (is loading its data|refuses the user)/,
  },
];

/** With these faults the API is not ready, but requests still succeed. */
const harmless = new Set(['would delete jobs', 'allows no commands that block']);

test.for(faults)(
  'a Redis that $name makes requests 503 and readiness red with the reason, until it no longer does',
  async (fault, { service }) => {
    const { redis, post, ready, stop, url } = service;
    expect((await post()).status).toBe(202);
    await fault.begin(redis);
    const reasonOf = async () => ((await (await ready()).json()) as Problem).errors?.[0]?.message ?? '';
    await until(async () => fault.says.test(await reasonOf()), `readiness says ${fault.says}`);
    const red = await ready();
    expect(red.status).toBe(503);
    expect(Number(red.headers.get('retry-after'))).toBeGreaterThan(0);
    const problem = problemSchema.parse(await red.json());
    expect(problem).toMatchObject({ code: 'unavailable', detail: 'Not ready: redis is down.' });
    expect(JSON.stringify(problem)).not.toMatch(/127\.0\.0\.1|\{trainyard\}|sesame|\/tmp|\.js/);
    if (!harmless.has(fault.name)) {
      const refused = await post();
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      const { detail } = problemSchema.parse(await refused.json());
      expect(detail).toMatch(/^Redis, which holds the jobs, .*; try again shortly\.$/);
      expect(detail).not.toMatch(/127\.0\.0\.1|\{trainyard\}|sesame/);
    }
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    await Promise.all(Array.from({ length: 50 }, post));
    await fault.end(redis);
    await until(async () => (await ready()).status === 200, 'readiness is green again');
    await until(async () => (await post()).status === 202, 'jobs are taken again');
    const log = await stop();
    expect(log).not.toContain(password);
    const lines = log.split('\n').filter((line) => line.includes('"redis":'));
    expect(lines.length, lines.join('\n')).toBeGreaterThan(0);
    expect(lines.length, lines.join('\n')).toBeLessThan(8);
  },
);

test('a Redis that lost its data is reported, and the service continues with the data that is left', async ({ service }) => {
  const { redis, post, ready, stop } = service;
  const { id } = (await (await post()).json()) as { id: string };
  expect(await redis.call('EXISTS', redisKeys(servicePrefix).job(id))).toBe(1);
  await redis.call('FLUSHALL');
  await ready();
  expect((await post()).status).toBe(202);
  expect(await stop()).toMatch(/Redis has lost its data, or it is another Redis than before/);
});

test('the service waits for a Redis that is frozen for a while and disconnected again and again', async ({ service }) => {
  const { redis, post, ready } = service;
  redis.signal('SIGSTOP');
  const refused = await post();
  expect(refused.status).toBe(503);
  redis.signal('SIGCONT');
  await until(async () => (await ready()).status === 200);
  const answers = await Promise.all(
    Array.from({ length: 40 }, async () => {
      await kill(redis);
      return (await post()).status;
    }),
  );
  expect(answers.filter((status) => status !== 202 && status !== 503)).toEqual([]);
  await until(async () => (await post()).status === 202);
});
