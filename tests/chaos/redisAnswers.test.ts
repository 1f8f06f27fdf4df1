// Runs many jobs while random faults hit Redis and the workers keep running. At the end each job has one attempt, every epoch once and in
// order, and the same weights as an undisturbed run. CHAOS_SEED repeats a run's choices.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Generator } from '@trainyard/engine';
import { expect, test } from 'vitest';
import { openTestRedis } from '../support/redis.ts';
import { hasRedisServer, RedisServer } from '../support/redisServer.ts';
import { Workers } from '../worker/fixtures/workers.ts';
import { between } from './between.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const count = Number(process.env['CHAOS_JOBS'] ?? 6);
const EPOCHS = 30;

const spec = (index: number) => ({
  seed: index,
  data: { dataset: 'random', inputShape: [64], targetShape: [4], samples: 8_000 + 500 * index, batchSize: 8 },
  model: { layers: [{ type: 'linear', outFeatures: 32 }, { type: 'relu' }, { type: 'linear', outFeatures: 4 }] },
  loss: { type: 'mse' },
  optimizer: { type: 'adam', learningRate: 0.001 },
  epochs: EPOCHS,
});

/** The faults, each with its longest duration in ms. */
const mischief: Readonly<
  Record<string, { longest: number; begin(redis: RedisServer): Promise<unknown>; end(redis: RedisServer): Promise<unknown> }>
> = {
  full: {
    longest: 400,
    begin: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory', '1mb'),
    end: async (redis) => await redis.call('CONFIG', 'SET', 'maxmemory', '0'),
  },
  replica: {
    longest: 3_000,
    begin: async (redis) => await redis.call('REPLICAOF', '127.0.0.1', '1'),
    end: async (redis) => await redis.call('REPLICAOF', 'NO', 'ONE'),
  },
  lonely: {
    longest: 8_000,
    begin: async (redis) => await redis.call('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: async (redis) => await redis.call('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
  frozen: {
    longest: 3_000,
    begin: async (redis) => await Promise.resolve(redis.signal('SIGSTOP')),
    end: async (redis) => await Promise.resolve(redis.signal('SIGCONT')),
  },
  cut: {
    longest: 10,
    begin: async (redis) => await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    end: async (redis) => await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  },
  scriptsForgotten: {
    longest: 10,
    begin: async (redis) => await redis.call('SCRIPT', 'FLUSH'),
    end: async (redis) => await redis.call('SCRIPT', 'FLUSH'),
  },
};

test.skipIf(!hasRedisServer)('every job has the same result as an undisturbed run, whatever Redis replies', async ({ onTestFinished }) => {
  const server = await RedisServer.start('--appendonly', 'yes');
  const redis = openTestRedis({ url: server.url, kind: 'external' });
  const workers = new Workers(redis, await mkdtemp(join(tmpdir(), 'trainyard-chaos-')));
  onTestFinished(async () => {
    await workers.close();
    await redis.close();
    await server.close();
  });
  const random = new Generator(seed);
  const submitAll = async () => await Promise.all(Array.from({ length: count }, async (_, index) => await workers.submit(spec(index))));
  const shown = async (jobId: string) => {
    const { status, attempts, result } = await workers.ended(jobId);
    return { status, attempts, weightsSha256: result?.weightsSha256, epochs: await workers.epochs(jobId) };
  };
  await workers.spawn({ real: true, concurrency: 2 });
  const expected = [];
  for (const jobId of await submitAll()) expected.push(await shown(jobId));

  const jobIds = await submitAll();
  const done: Record<string, number> = {};
  const kinds = Object.keys(mischief);
  const haveEnded = async () =>
    (await Promise.all(jobIds.map(async (id) => await workers.jobs.store.get(id)))).every((job) => job?.finishedAt !== null);
  while (!(await haveEnded())) {
    await delay(between(random, 50, 800));
    const kind = kinds[between(random, 0, kinds.length)] ?? 'cut';
    done[kind] = (done[kind] ?? 0) + 1;
    await mischief[kind]?.begin(server);
    await delay(between(random, 1, mischief[kind]?.longest ?? 10));
    await mischief[kind]?.end(server);
  }
  const actual = [];
  for (const jobId of jobIds) actual.push(await shown(jobId));
  console.log(`chaos of Redis's answers: seed ${seed}, ${count} jobs of ${EPOCHS} epochs, ${JSON.stringify(done)}`);
  expect(actual).toEqual(expected);
  expect(expected[0]).toMatchObject({ status: 'succeeded', attempts: 1, epochs: Array.from({ length: EPOCHS }, (_, at) => at + 1) });
});
