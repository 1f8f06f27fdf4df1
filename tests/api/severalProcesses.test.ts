// Several API processes on one Redis: to clients they are one. Real processes, with the timers that they have in use.
import type { Job, JobPage } from '@trainyard/contracts';
import { closeRedis, connectRedis, JobStore, redisKeys, servicePrefix as prefix, TrainQueue } from '@trainyard/jobs';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { metricsOf, result } from '../support/jobs.ts';
import { until } from '../support/until.ts';
import { openStream } from './fixtures/eventSource.ts';
import { type Home, openHome, type ServerProcess, startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

let home: Home;
let servers: ServerProcess[];
let urls: string[];
let redis: Redis;
let queue: TrainQueue;
let store: JobStore;

beforeAll(async () => {
  home = await openHome();
  servers = Array.from({ length: 3 }, () =>
    startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, TRAINYARD_RETENTION_JOBS: '2' }),
  );
  urls = await Promise.all(servers.map(async (server) => await server.ready()));
  redis = connectRedis(home.redis.url, { role: 'worker' });
  queue = new TrainQueue({ redis, prefix });
  store = new JobStore({ redis, prefix, queue });
});

afterAll(async () => {
  for (const { child } of servers) child.kill('SIGTERM');
  await Promise.all(servers.map(async ({ exit }) => await exit));
  await queue.close();
  await closeRedis(redis);
  await home.close();
});

const urlOf = (turn: number): string => urls[turn % urls.length] ?? '';

async function post(turn: number, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${urlOf(turn)}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(tutorial),
  });
}

async function make(): Promise<string> {
  return ((await (await post(0)).json()) as Job).id;
}

async function claimed(jobId: string) {
  const claim = await store.claim(jobId, 'worker-1');
  if (claim.outcome !== 'claimed') throw new Error(`${jobId}: ${claim.outcome}`);
  return claim.attempt;
}

test('sixty requests with one idempotency key, to all of them at once, make one job', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, async (_, turn) => await post(turn, { 'idempotency-key': 'once' })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  const jobs = await Promise.all(answers.map(async (answer) => (await answer.json()) as Job));
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
  const page = (await (await fetch(`${urlOf(1)}/jobs`)).json()) as JobPage;
  expect(page.data).toHaveLength(1);
  await store.act('cancel', page.data[0]?.id ?? '');
});

test('a client that goes from one to the next amid a stream misses nothing and sees nothing twice', async () => {
  const id = await make();
  const attempt = await claimed(id);
  const seen: string[] = [];
  let lastId: string | undefined;
  for (let turn = 0; turn < 9; turn++) {
    const client = await openStream(`${urlOf(turn)}/jobs/${id}/events`, lastId === undefined ? {} : { 'last-event-id': lastId });
    await attempt.appendEpoch(metricsOf(turn + 1));
    // Others follow meanwhile, and are told by their own process.
    await client.until(({ events }) => events.some(({ data }) => data.includes(`"epoch":${turn + 1},`)));
    client.leave();
    seen.push(...client.events.map(({ id: eventId = '' }) => eventId));
    lastId = seen.at(-1);
  }
  await attempt.finish({ status: 'succeeded', result });
  const whole = await openStream(`${urlOf(0)}/jobs/${id}/events`);
  await whole.ended();
  const stored = whole.events.map(({ id: eventId = '' }) => eventId);
  expect(stored).toHaveLength(12);
  expect(seen).toEqual(stored.slice(0, -1));
  const rest = await openStream(`${urlOf(2)}/jobs/${id}/events`, { 'last-event-id': stored.at(-1) ?? '' });
  expect(rest.status).toBe(204);
});

test('many clients of each cost Redis no connection more', async () => {
  const connections = async (): Promise<number> => ((await redis.client('LIST')) as string).trim().split('\n').length;
  const id = await make();
  const open = async (length: number) => {
    const opened = await Promise.all(Array.from({ length }, async (_, turn) => await openStream(`${urlOf(turn)}/jobs/${id}/events`)));
    await Promise.all(opened.map(async (client) => await client.until(({ events }) => events.length === 1)));
    return opened;
  };
  const few = await open(9);
  const before = await connections();
  const clients = [...few, ...(await open(81))];
  expect(await connections()).toBe(before);
  await store.act('cancel', id);
  await Promise.all(clients.map(async (client) => await client.ended()));
  for (const { events } of clients) expect(events.map(({ event }) => event)).toEqual(['status', 'status']);
});

test('a running job without a worker is queued again once', async () => {
  const id = await make();
  await claimed(id);
  await redis.del(redisKeys(prefix).lease(id));
  await until(async () => (await store.get(id))?.status === 'queued');
  const page = (await (await fetch(`${urlOf(1)}/jobs/${id}/events?type=status`)).json()) as { data: { data: { status: string } }[] };
  expect(page.data.map(({ data }) => data.status)).toEqual(['queued', 'running', 'queued']);
  await store.act('cancel', id);
});

test('finished jobs over the limit of retention go, and the newest stay', async () => {
  const ids = [await make(), await make(), await make()];
  for (const id of ids) await store.act('cancel', id);
  await until(async () => (await store.list({ limit: 100 })).data.length === 2);
  expect((await store.list({ limit: 100 })).data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
});
