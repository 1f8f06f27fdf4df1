// A worker whose start fails: nothing of what was open stays open.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CloseStack, connectRedis, openConnections } from '@trainyard/jobs';
import { startWorker, type WorkerConfig } from '@trainyard/worker';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, test as base } from 'vitest';
import { hasRedisProcess } from '../support/redis.ts';
import { startTestServer } from '../support/testServer.ts';
import { configOf } from './fixtures/workerOptions.ts';

/** A Redis of its own, so that all connections to it are those of the test. */
const test = base
  .extend('folder', async ({ task: _task }, { onCleanup }) => {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-failed-start-'));
    onCleanup(async () => await rm(folder, { recursive: true, force: true }));
    return folder;
  })
  .extend('url', async ({ task: _task }, { onCleanup }) => {
    const server = await startTestServer({ PATH: process.env['PATH'] });
    onCleanup(async () => await server.close());
    return server.url;
  })
  .extend('observer', async ({ url }, { onCleanup }) => {
    const observer = connectRedis(url, { role: 'worker' });
    onCleanup(() => observer.disconnect());
    await observer.client('SETNAME', 'observer');
    return observer;
  });

/** Starts a worker as its program does. @returns the error of the start */
async function failedStart(url: string, config: WorkerConfig): Promise<unknown> {
  const stack = new CloseStack();
  const log = pino({ level: 'silent' });
  const connections = openConnections({ redisUrl: url, prefix: 'failed-start', log, meanwhile: 'jobs wait for it' });
  stack.defer(() => connections.close());
  const starting = startWorker(config, { connections, log, stack, hurry: new AbortController().signal });
  const error = await starting.then(
    () => null,
    (reason: unknown) => reason,
  );
  await stack.close();
  return error;
}

async function namesOfConnections(redis: Redis): Promise<string[]> {
  return String(await redis.client('LIST'))
    .trim()
    .split('\n')
    .map((line) => / name=(\S*)/.exec(line)?.[1] ?? '');
}

const settings = { prefix: 'failed-start', concurrency: 2, real: false };

test.skipIf(!hasRedisProcess)(
  'a worker whose training process does not start closes its connections and leaves no unfinished files',
  async ({ url, observer, folder }) => {
    const program = join(folder, 'ends.js');
    await writeFile(program, 'process.exitCode = 3;');
    const config = configOf({ ...settings, redisUrl: url, artifactsFolder: join(folder, 'artifacts') });
    const error = await failedStart(url, { ...config, child: { ...config.child, script: pathToFileURL(program) } });
    expect(error).toMatchObject({ name: 'ChildStartError' });
    await expect.poll(async () => await namesOfConnections(observer)).toEqual(['observer']);
    expect(await readdir(join(folder, 'artifacts', '.unfinished'))).toEqual([]);
  },
);

test.skipIf(!hasRedisProcess)('a worker that cannot open its storage closes its connections', async ({ url, observer, folder }) => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  const config = configOf({ ...settings, redisUrl: url, artifactsFolder: join(file, 'artifacts') });
  expect(await failedStart(url, config)).toMatchObject({ code: 'ENOTDIR' });
  await expect.poll(async () => await namesOfConnections(observer)).toEqual(['observer']);
});
