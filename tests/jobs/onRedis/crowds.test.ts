// Tests that many followers at once, as after a restart of the API, cost Redis and this process little more than one follower.
import { EventHub, redisKeys } from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { appendLine, metricsOf, openJobs, result, startJob } from '../../support/jobs.ts';
import { redisTest as test, type TestRedis } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

const noSignal = new AbortController().signal;
const followerCount = 1_000;

/** Opens a hub, and counts how often it sends each command of Redis. */
function openCounted(redis: TestRedis): { readonly hub: EventHub; readonly sent: Map<string, number>; readonly connection: Redis } {
  const connection = redis.connect();
  const sent = new Map<string, number>();
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, stream) => {
    sent.set(command.name, (sent.get(command.name) ?? 0) + 1);
    return send(command, stream);
  };
  return { hub: new EventHub({ redis: connection, subscriber: redis.connect('subscriber'), prefix: redis.prefix }), sent, connection };
}

async function textsOf(hub: EventHub, jobId: string, after?: string): Promise<Buffer[]> {
  const texts: Buffer[] = [];
  for await (const batch of hub.follow(jobId, { signal: noSignal, ...(after === undefined ? {} : { after }) })) texts.push(batch.text());
  return texts;
}

describe('a crowd of followers', () => {
  test('of an ended job share each page: it is read and serialized once for all of them', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    await Promise.all(Array.from({ length: 300 }, async (_, line) => await appendLine(attempt, 'info', `line ${line}`)));
    await attempt.finish({ status: 'succeeded', result });
    const { hub, sent } = openCounted(redis);
    const crowd = await Promise.all(Array.from({ length: followerCount }, async () => await textsOf(hub, attempt.jobId)));
    // The history has three pages. Some are read twice if the subscription starts after their first read.
    expect(sent.get('xrange')).toBeLessThan(20);
    expect(new Set(crowd.flat()).size).toBeLessThan(20);
    for (const texts of crowd) expect(Buffer.concat(texts).toString().match(/^id: /gm)).toHaveLength(303);
    await hub.close();
  });

  test('of a running job read together, and each gets all stored events once and then each live event', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempt = await startJob(jobs);
    for (let epoch = 1; epoch <= 5; epoch++) await attempt.appendEpoch(metricsOf(epoch));
    const { hub, sent } = openCounted(redis);
    const crowd = Array.from({ length: followerCount }, async () => Buffer.concat(await textsOf(hub, attempt.jobId)).toString());
    await until(() => (sent.get('xrange') ?? 0) > 0);
    for (let epoch = 6; epoch <= 8; epoch++) await attempt.appendEpoch(metricsOf(epoch));
    await attempt.finish({ status: 'succeeded', result });
    const whole = (await jobs.log.range(attempt.jobId, { limit: 100 })).data.map(({ id }) => `id: ${id}`);
    for (const text of await Promise.all(crowd)) expect(text.match(/^id: .*$/gm)).toEqual(whole);
    expect(sent.get('xrange')).toBeLessThan(followerCount / 10);
    await hub.close();
  });

  test('of different jobs reads a few jobs at a time, in the order of arrival', async ({ redis }) => {
    const jobs = openJobs(redis);
    const attempts = await Promise.all(Array.from({ length: 40 }, async () => await startJob(jobs)));
    await Promise.all(attempts.map(async (attempt) => await attempt.finish({ status: 'succeeded', result })));
    const { hub, connection } = openCounted(redis);
    let reading = 0;
    let most = 0;
    const xrange = connection.xrange.bind(connection) as (...args: readonly unknown[]) => Promise<unknown>;
    const began: unknown[] = [];
    Object.assign(connection, {
      xrange: async (...args: readonly unknown[]) => {
        began.push(args[0]);
        most = Math.max(most, (reading += 1));
        return await xrange(...args).finally(() => (reading -= 1));
      },
    });
    await Promise.all(attempts.map(async ({ jobId }) => await textsOf(hub, jobId)));
    expect(most).toBeLessThanOrEqual(8);
    expect(began).toEqual(attempts.map(({ jobId }) => redisKeys(redis.prefix).events(jobId)));
    await hub.close();
  });
});

test('a follower that has read all events ends when its job is deleted', async ({ redis }) => {
  const jobs = openJobs(redis);
  const attempt = await startJob(jobs);
  await attempt.finish({ status: 'succeeded', result });
  const { hub } = openCounted(redis);
  await jobs.store.delete(attempt.jobId);
  expect(await textsOf(hub, attempt.jobId, '1-0')).toEqual([]);
  expect(hub.followers).toBe(0);
  await hub.close();
});
