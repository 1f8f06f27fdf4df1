// Tests the private Redis: it starts, stores its data, hides its password, and ends with the service.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { closeRedis, connectRedis, findOnPath, type RunningRedis, redisPrograms, startRedis } from '@trainyard/jobs';
import { test as baseTest, describe, expect } from 'vitest';
import { until } from '../support/until.ts';
import { hasEnded } from '../worker/fixtures/processes.ts';

const PATH = process.env['PATH'] ?? '';
const hasProgram = redisPrograms.some((program) => findOnPath(program, PATH) !== null);

const test = baseTest.extend('home', async ({ task: _task }, { onCleanup }) => {
  const home = await mkdtemp(join(tmpdir(), 'trainyard private-'));
  onCleanup(async () => await rm(home, { recursive: true }));
  return home;
});

async function start(home: string, log: (message: string) => void = () => undefined): Promise<RunningRedis> {
  return await startRedis({ home, log, env: { PATH } });
}

/** Runs one command on a Redis over a new connection. It has the role of a worker, so it waits for the reply without a time-out. */
async function command<T>(
  url: string,
  run: (redis: ReturnType<typeof connectRedis>) => Promise<T>,
  role: 'worker' | 'api' = 'worker',
): Promise<T> {
  const redis = connectRedis(url, { role });
  try {
    return await run(redis);
  } finally {
    await closeRedis(redis);
  }
}

async function processId(url: string): Promise<number> {
  const info = await command(url, async (redis) => await redis.info('server'));
  return Number(/process_id:(\d+)/.exec(info)?.[1]);
}

describe.skipIf(!hasProgram)('a private Redis', () => {
  test('keeps its data over a restart, leaves no process, and can be closed twice', async ({ home }) => {
    const messages: string[] = [];
    const first = await start(home, (message) => messages.push(message));
    expect(first.kind).toBe('private');
    expect(messages).toEqual([expect.stringContaining(join(home, 'redis'))]);
    const pid = await processId(first.url);
    await command(first.url, async (redis) => await redis.set('kept', 'yes'));
    await Promise.all([first.close(), first.close()]);
    await first.close();
    await until(() => hasEnded(pid));
    const second = await start(home);
    expect(await command(second.url, async (redis) => await redis.get('kept'))).toBe('yes');
    await second.close();
  });

  test('writes to an append-only file, never evicts keys, and accepts only local connections', async ({ home }) => {
    const redis = await start(home);
    const settings = await command(
      redis.url,
      async (connection) => await connection.config('GET', 'appendonly', 'appendfsync', 'maxmemory-policy', 'bind'),
    );
    expect(Object.fromEntries(pairs(settings))).toEqual({
      appendonly: 'yes',
      appendfsync: 'everysec',
      'maxmemory-policy': 'noeviction',
      bind: '127.0.0.1',
    });
    await redis.close();
  });

  test('has the given memory limit, or by default at most a quarter of the machine’s memory', async ({ home }) => {
    const limitOf = async (memoryBytes?: number): Promise<number> => {
      const redis = await startRedis({ home, log: () => undefined, env: { PATH }, ...(memoryBytes !== undefined && { memoryBytes }) });
      const settings = await command(redis.url, async (connection) => await connection.config('GET', 'maxmemory'));
      await redis.close();
      return Number(Object.fromEntries(pairs(settings))['maxmemory']);
    };
    expect(await limitOf(50_000_000)).toBe(50_000_000);
    const usual = await limitOf();
    expect(usual).toBeGreaterThan(0);
    expect(usual).toBeLessThanOrEqual(totalmem() / 4);
  });

  test('has a password that is in no process list and in no file that other users can read', async ({ home }) => {
    const redis = await start(home);
    const { password, port } = new URL(redis.url);
    expect(password.length).toBeGreaterThan(32);
    await expect(command(`redis://127.0.0.1:${port}`, async (connection) => await connection.ping(), 'api')).rejects.toThrow();
    const pid = await processId(redis.url);
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    expect(commandLine).not.toContain(password);
    expect((await stat(join(home, 'redis'))).mode & 0o077).toBe(0);
    expect((await stat(join(home, 'redis', 'redis.conf'))).mode & 0o077).toBe(0);
    await redis.close();
  });

  test('does not get signals that are sent to its parent’s process group', async ({ home }) => {
    const redis = await start(home);
    const pid = await processId(redis.url);
    const group = async (id: number) => (await readFile(`/proc/${id}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')[2];
    expect(await group(pid)).not.toBe(await group(process.pid));
    await redis.close();
  });

  test('saves its data and ends when its parent is killed', async ({ home }) => {
    const child = fork(new URL('fixtures/startRedis.ts', import.meta.url), [home], { stdio: 'ignore' });
    const [url] = (await once(child, 'message')) as [string];
    const pid = await processId(url);
    await command(url, async (redis) => await redis.set('kept', 'yes'));
    child.kill('SIGKILL');
    await until(() => hasEnded(pid));
    const next = await start(home);
    expect(await command(next.url, async (redis) => await redis.get('kept'))).toBe('yes');
    await next.close();
  });

  test('that still runs after its parent and its watching shell were killed is stopped at the next start', async ({ home }) => {
    const child = fork(new URL('fixtures/startRedis.ts', import.meta.url), [home], { stdio: 'ignore' });
    const [url] = (await once(child, 'message')) as [string];
    const pid = await processId(url);
    await command(url, async (redis) => await redis.set('kept', 'yes'));
    const keeper = Number((await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')[1]);
    const reader = (await readFile(`/proc/${keeper}/task/${keeper}/children`, 'utf8'))
      .split(' ')
      .map(Number)
      .find((id) => id > 0 && id !== pid);
    for (const id of [reader, keeper, child.pid]) if (id !== undefined) process.kill(id, 'SIGKILL');
    await once(child, 'exit');
    expect(hasEnded(pid)).toBe(false);
    const messages: string[] = [];
    const next = await start(home, (message) => messages.push(message));
    expect(messages[0]).toContain('earlier process left running');
    await until(() => hasEnded(pid));
    expect(await command(next.url, async (redis) => await redis.get('kept'))).toBe('yes');
    await next.close();
  });

  test('that ends by itself is reported', async ({ home }) => {
    const messages: string[] = [];
    const redis = await start(home, (message) => messages.push(message));
    process.kill(await processId(redis.url), 'SIGKILL');
    await until(() => messages.length === 2);
    expect(messages[1]).toContain('Redis ended unexpectedly');
    await redis.close();
  });

  test('that does not respond is killed', async ({ home }) => {
    const redis = await start(home);
    const pid = await processId(redis.url);
    process.kill(pid, 'SIGSTOP');
    await redis.close();
    await until(() => hasEnded(pid));
  });
});

describe('the search for a Redis', () => {
  test('uses REDIS_URL if it is set, and does not stop that Redis', async ({ home }) => {
    const redis = await startRedis({ home, log: () => undefined, env: { PATH, REDIS_URL: 'redis://redis.example' } });
    expect(redis).toMatchObject({ kind: 'external', url: 'redis://redis.example' });
    await redis.close();
  });

  test('uses the embedded Redis on a machine without another one, and logs its limitations', async ({ home }) => {
    const messages: string[] = [];
    const redis = await startRedis({ home, log: (message) => messages.push(message), env: {} });
    expect(redis.kind).toBe('embedded');
    expect(messages).toEqual([expect.stringMatching(/neither durable nor fast.*Install redis-server/)]);
    expect(await command(redis.url, async (connection) => await connection.ping())).toBe('PONG');
    await redis.close();
    await redis.close();
  });

  test('reports a program that does not start, with its output', async ({ home }) => {
    const program = join(home, 'redis-server');
    await writeFile(program, '#!/bin/sh\necho "this machine is too old" >&2\nexit 1\n', { mode: 0o755 });
    const refusal = startRedis({ home, log: () => undefined, env: { PATH: home } });
    await expect(refusal).rejects.toMatchObject({ code: 'redisStart', message: expect.stringContaining('too old') as string });
  });
});

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((value, index) => (index % 2 === 0 ? [[value, flat[index + 1] ?? ''] as [string, string]] : []));
}
