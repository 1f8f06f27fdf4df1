// Tests broken connections and an unavailable Redis. Needs a Redis process, because the embedded Redis cannot be interrupted.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  closeRedis,
  connectRedis,
  EventHub,
  findOnPath,
  isRedisUnavailable,
  JobStore,
  redisPrograms,
  startRedis,
  TrainQueue,
  type ActionRequest,
  ActionRequests,
} from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import { describe, expect, test as plainTest } from 'vitest';
import { metricsOf, openJobs, result, spec, startJob } from '../support/jobs.ts';
import { hasRedisProcess, redisTest, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const test = redisTest.skipIf(!hasRedisProcess);
const noSignal = new AbortController().signal;

/** Closes a connection from the server's side, like a failing network. */
async function kill(redis: TestRedis, victim: Redis): Promise<void> {
  const closed = new Promise((resolve) => victim.once('close', resolve));
  await redis.connect().client('KILL', 'ID', await victim.client('ID'));
  await closed;
}

describe('when the subscription breaks', () => {
  test('a follower gets the missed events from the stream, each once', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const subscriber = redis.connect('subscriber');
    const hub = new EventHub({ redis: redis.connect(), subscriber, prefix: redis.prefix });
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { events } of hub.follow(attempt.jobId, { signal: noSignal }))
        for (const { event, data } of events) if (event === 'epoch') seen.push((JSON.parse(data) as { epoch: number }).epoch);
    })();
    for (let epoch = 1; epoch <= 40; epoch++) {
      if (epoch % 10 === 0) await kill(redis, subscriber);
      await attempt.appendEpoch(metricsOf(epoch));
      if (epoch % 10 === 5) await until(() => seen.includes(epoch));
    }
    await attempt.finish({ status: 'succeeded', result });
    await watching;
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    await hub.close();
  });

  test('a cancel request that comes while the subscription is broken is noticed when it is restored', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const subscriber = redis.connect('subscriber');
    const bus = new ActionRequests({ redis: redis.connect(), subscriber, prefix: redis.prefix });
    const requests = new Set<ActionRequest>();
    bus.watch(attempt.jobId, (request) => requests.add(request));
    await until(() => subscriber.status === 'ready');
    await kill(redis, subscriber);
    await jobs.store.act('cancel', attempt.jobId);
    await until(() => requests.has('cancel'));
    await bus.close();
  });

  test('a follower whose subscription and reads both break continues when Redis is available again', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    const [reader, subscriber] = [redis.connect('api'), redis.connect('subscriber')];
    const hub = new EventHub({ redis: reader, subscriber, prefix: redis.prefix });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { events } of hub.follow(attempt.jobId, { signal: noSignal })) seen.push(...events.map(({ event }) => event));
    })();
    await until(() => seen.length === 2);
    await Promise.all([kill(redis, reader), kill(redis, subscriber)]);
    await attempt.appendEpoch(metricsOf(1));
    await attempt.finish({ status: 'succeeded', result });
    await watching;
    expect(seen).toEqual(['status', 'status', 'epoch', 'status']);
    await hub.close();
  });
});

describe('when Redis is unavailable', () => {
  const program = redisPrograms.map((name) => findOnPath(name, process.env['PATH'] ?? '')).find((path) => path !== null);

  plainTest.skipIf(program === undefined)(
    'a command of the API fails during the outage, and works when Redis is available again with its data',
    async () => {
      const home = await mkdtemp(join(tmpdir(), 'trainyard-away-'));
      const start = async () => await startRedis({ home, log: () => undefined, env: { PATH: process.env['PATH'] } });
      const before = await start();
      const api = connectRedis(before.url, { role: 'api' });
      const queue = new TrainQueue({ redis: api, prefix: 'away' });
      const store = new JobStore({ redis: api, prefix: 'away', queue });
      const { job } = await store.create({ spec, owner: 'ada' });
      await before.close();
      for (const act of [async () => await store.get(job.id), async () => await store.create({ spec, owner: 'ada' })]) {
        const refusal = await act().catch((error: unknown) => error);
        expect(isRedisUnavailable(refusal), String(refusal)).toBe(true);
      }
      await queue.close();
      await closeRedis(api);

      const after = await start();
      const again = connectRedis(after.url, { role: 'worker' });
      const jobs = { redis: again, prefix: 'away' };
      expect(await new JobStore({ ...jobs, queue }).get(job.id)).toEqual(job);
      await closeRedis(again);
      await after.close();
      await rm(home, { recursive: true });
    },
  );
});
