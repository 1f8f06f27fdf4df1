// Redis refuses commands, or its address leads to another server. A job waits, and no attempt is lost.
import { mkdtemp } from 'node:fs/promises';
import { createServer, type AddressInfo, connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test as plainTest, expect } from 'vitest';
import { openTestRedis } from '../support/redis.ts';
import { hasRedisServer, RedisServer } from '../support/redisServer.ts';
import { until } from '../support/until.ts';
import { Workers } from './fixtures/workers.ts';

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

const ownTest = plainTest
  .extend('server', async ({ task: _task }, { onCleanup }) => {
    const server = await RedisServer.start();
    onCleanup(async () => await server.close());
    return server;
  })
  .extend('workers', async ({ server }, { onCleanup }) => {
    const redis = openTestRedis({ url: server.url, kind: 'external' });
    const workers = new Workers(redis, await mkdtemp(join(tmpdir(), 'trainyard-worker-')));
    onCleanup(async () => {
      await workers.close();
      await redis.close();
    });
    return workers;
  });

const test = ownTest.skipIf(!hasRedisServer);

test('a job whose Redis is full for many short moments has one attempt and each epoch once', async ({ server, workers }) => {
  const { logs } = await workers.start();
  const jobId = await workers.create('paced:300 save');
  await workers.untilEpoch(jobId, 5);
  for (let turn = 0; turn < 40; turn++) {
    await server.call('CONFIG', 'SET', 'maxmemory', '1mb');
    await delay(5 + (turn % 5) * 5);
    await server.call('CONFIG', 'SET', 'maxmemory', '0');
    await delay(10 + (turn % 7) * 5);
  }
  expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
  expect(await workers.epochs(jobId)).toEqual(upTo(300));
  expect(logs.filter(({ msg }) => msg.startsWith('Redis is full')).length).toBeLessThan(5);
});

// Each test waits for longer than a lease lasts, so the tests run at the same time. Each has a Redis of its own.
describe.concurrent('a job whose Redis is', () => {
  test.for([
    ['a replica for longer than a lease', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['full for longer than a lease', ['CONFIG', 'SET', 'maxmemory', '1mb'], ['CONFIG', 'SET', 'maxmemory', '0']],
    [
      'without enough replicas for longer than a lease',
      ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    ],
  ] as const)('%s stays with its worker, even if another worker is idle', async ([, begin, end], { server, workers }) => {
    await workers.spawn();
    const jobId = await workers.create('paced:400 save');
    await workers.untilEpoch(jobId, 5);
    await workers.spawn();
    await server.call(begin[0], ...begin.slice(1));
    // A lease lasts 6 s.
    await delay(8_000);
    await server.call(end[0], ...end.slice(1));
    expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(await workers.epochs(jobId)).toEqual(upTo(400));
  });
});

test('a job continues on the new primary after a failover behind the same address', async ({ server, workers, onTestFinished }) => {
  const replica = await RedisServer.start('--replicaof', `127.0.0.1 ${server.port}`);
  let port = server.port;
  const sockets = new Set<Socket>();
  const address = createServer((client) => {
    const redis = connect(port, '127.0.0.1');
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, redis].forEach((other) => other.destroy()));
    }
    client.pipe(redis).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(address, 'listening');
  onTestFinished(async () => {
    address.close();
    for (const socket of sockets) socket.destroy();
    await replica.close();
  });
  await until(async () => String(await replica.call('INFO', 'replication')).includes('master_link_status:up'));
  const { logs } = await workers.start({ redisUrl: `redis://127.0.0.1:${(address.address() as AddressInfo).port}` });
  const jobId = await workers.create('paced:300 save');
  await workers.untilEpoch(jobId, 5);
  // Existing connections stay with the former primary, which is now a replica of the new one.
  await replica.call('REPLICAOF', 'NO', 'ONE');
  ({ port } = replica);
  await server.call('REPLICAOF', '127.0.0.1', replica.port);
  expect(await workers.ended(jobId)).toMatchObject({ status: 'succeeded', attempts: 1 });
  expect(await workers.epochs(jobId)).toEqual(upTo(300));
  expect(logs.filter(({ msg }) => msg.startsWith('Redis is a read-only replica'))).toHaveLength(1);
  // The keys of the test can only be removed on a primary.
  await server.call('REPLICAOF', 'NO', 'ONE');
});
