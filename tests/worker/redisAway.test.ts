// Redis is unavailable for some time while a job trains. No data is lost, and the training continues.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { redisKeys } from '@trainyard/jobs';
import { hasRedisProcess } from '../support/redis.ts';
import { hasEnded, until } from './fixtures/processes.ts';
import { TcpProxy } from './fixtures/tcpProxy.ts';
import { childOf, workerTest } from './fixtures/workers.ts';

const test = workerTest.extend('line', async ({ redis }, { onCleanup }) => {
  const line = await TcpProxy.open(redis.url);
  onCleanup(async () => await line.close());
  return line;
});

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('a training whose worker loses Redis', () => {
  test('continues and has each epoch once after the connections were cut', async ({ redis, line, workers }) => {
    await workers.start({ redisUrl: line.url(redis.url) });
    const jobId = await workers.create('paced:200 save');
    await workers.untilEpoch(jobId, 20);
    line.cut();
    line.mend();
    await workers.untilEpoch(jobId, 60);
    line.cut();
    const { refused } = line;
    await until('two failed reconnects', () => line.refused > refused + 1);
    line.mend();
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.epochs(jobId)).toEqual(upTo(200));
  });

  test.skipIf(!hasRedisProcess)('continues when Redis closes every connection', async ({ redis, workers }) => {
    await workers.start();
    const jobId = await workers.create('paced:100 save');
    const client = redis.connect();
    for (const epoch of [10, 40, 70]) {
      await workers.untilEpoch(jobId, epoch);
      await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.epochs(jobId)).toEqual(upTo(100));
  });

  test('continues after an outage longer than its lease, even if another worker is idle', async ({ redis, line, workers }) => {
    const settings = { redisUrl: line.url(redis.url) };
    const go = join(workers.folder, 'go');
    const first = await workers.spawn(settings);
    const jobId = await workers.create(`epochs:1 hold:${go} epochs:2 save`);
    await workers.untilEpoch(jobId, 1);
    const second = await workers.spawn(settings);
    const connection = redis.connect();
    const lease = redisKeys(redis.prefix).lease(jobId);
    line.cut();
    await until('the end of the lease', async () => (await connection.exists(lease)) === 0);
    line.mend();
    for (const { logs } of [first, second])
      await until('both workers', () => logs.some(({ msg }) => msg.startsWith('Redis can be used again')));
    await until('the renewed lease', async () => (await connection.exists(lease)) === 1);
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
  });

  test('continues when Redis stops responding without closing the connections', async ({ redis, line, workers }) => {
    await workers.start({ redisUrl: line.url(redis.url) });
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:1 hold:${go} epochs:2 save`);
    await workers.untilEpoch(jobId, 1);
    line.hang();
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded' });
    expect(await workers.epochs(jobId)).toEqual([1, 2, 3]);
  });

  test('writes epochs again that Redis had confirmed and lost in a crash', async ({ redis, workers }) => {
    await workers.start();
    const go = join(workers.folder, 'go');
    const jobId = await workers.create(`epochs:5 hold:${go} epochs:2 save`);
    await workers.untilEpoch(jobId, 5);
    const connection = redis.connect();
    const keys = redisKeys(redis.prefix);
    const lost = (await workers.events(jobId)).slice(-2).map(({ id }) => id);
    await connection
      .multi()
      .xdel(keys.events(jobId), ...lost)
      .hset(keys.job(jobId), 'lastEpoch', 3)
      .exec();
    await writeFile(go, '');
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.epochs(jobId)).toEqual(upTo(7));
  });

  test('is abandoned when the worker is stopped during an outage that does not end', async ({ redis, line, workers }) => {
    const { close, logs } = await workers.start({ redisUrl: line.url(redis.url), closeGraceMs: 100 });
    const jobId = await workers.create('epochs:1 spin');
    await workers.untilEpoch(jobId, 1);
    const child = await childOf({ logs }, jobId);
    line.cut();
    await close();
    expect(hasEnded(child)).toBe(true);
  });

  test('runs on a worker that was started before Redis', async ({ redis, line, workers }) => {
    line.cut();
    const starting = workers.start({ redisUrl: line.url(redis.url) });
    const jobId = await workers.create('epochs:1 save');
    await until('a refused connection', () => line.refused > 0);
    line.mend();
    await starting;
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded' });
  });
});
