// Tests the deployed programs of the worker: the process and its health check, with settings from the environment.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test as base } from 'vitest';
import { startTestServer } from '../support/testServer.ts';
import { until } from './fixtures/processes.ts';

/** A Redis of its own, because these programs use a fixed key prefix. */
const test = base
  .extend('home', async ({ task: _task }, { onCleanup }) => {
    const home = await mkdtemp(join(tmpdir(), 'trainyard-worker-main-'));
    onCleanup(async () => await rm(home, { recursive: true, force: true }));
    return home;
  })
  .extend('env', async ({ home }, { onCleanup }) => {
    const server = await startTestServer({ PATH: process.env['PATH'] });
    onCleanup(async () => await server.close());
    return { REDIS_URL: server.url, TRAINYARD_HOME: home, PATH: process.env['PATH'] };
  });

function run(program: 'main' | 'healthcheck', env: NodeJS.ProcessEnv): ChildProcess {
  return fork(new URL(`../../services/worker/dist/${program}.js`, import.meta.url), { env, silent: true });
}

/** Returns the exit code and the output of a process. */
async function ran(child: ChildProcess): Promise<[number | null, string]> {
  const [output, [code]] = await Promise.all([
    Promise.all([child.stdout, child.stderr].map(async (stream) => (stream === null ? '' : await text(stream)))),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return [code, output.join('')];
}

describe('the worker process', () => {
  test('logs once that it is ready, is healthy while it runs, and exits 0 on SIGTERM without unfinished files', async ({ env, home }) => {
    expect(await ran(run('healthcheck', env))).toEqual([1, 'no worker of this host is alive\n']);
    const worker = run('main', env);
    const printed = ran(worker);
    const [message] = (await once(worker, 'message')) as [unknown];
    expect(message).toEqual({ type: 'ready', url: null });
    await until('a healthy worker', async () => (await ran(run('healthcheck', env)))[0] === 0);
    worker.kill('SIGTERM');
    const [code, output] = await printed;
    expect(code).toBe(0);
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; service: string });
    expect(lines.filter(({ msg }) => msg === 'ready for jobs')).toHaveLength(1);
    expect(new Set(lines.map(({ service }) => service))).toEqual(new Set(['worker']));
    expect((await ran(run('healthcheck', env)))[0]).toBe(1);
    expect(await readdir(join(home, 'artifacts', '.unfinished'))).toEqual([]);
  });

  test('refuses to start without REDIS_URL or with an invalid setting', async ({ home }) => {
    const [code, output] = await ran(run('main', { TRAINYARD_HOME: home }));
    expect(code).toBe(1);
    // Without Redis, nothing is known about workers.
    expect(output).not.toContain('alive');
    expect(output).toMatch(/^REDIS_URL: .*redis:\/\/127\.0\.0\.1:6379/);
    expect(await ran(run('main', { TRAINYARD_HOME: home, REDIS_URL: 'redis://x', TRAINYARD_CONCURRENCY: 'many' }))).toEqual([
      1,
      expect.stringMatching(/^TRAINYARD_CONCURRENCY: .*"many"\n$/) as string,
    ]);
  });
});

describe('the health check', () => {
  test('exits with an error if Redis cannot be reached', async ({ home }) => {
    const [code, output] = await ran(run('healthcheck', { REDIS_URL: 'redis://127.0.0.1:9', TRAINYARD_HOME: home }));
    expect(code).toBe(1);
    // Without Redis, nothing is known about workers.
    expect(output).not.toContain('alive');
  });
});
