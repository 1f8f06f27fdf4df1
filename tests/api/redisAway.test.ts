// The API while its Redis is away: it answers, soon, that it cannot serve now, goes on where it was when Redis is
// back, and never shows the inside of a fault.
import { type Problem, problemSchema } from '@trainyard/contracts';
import { closeRedis, connectRedis, parseApiKeys, redisKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { claim, createJob, metricsOf, openJobs } from '../support/jobs.ts';
import { openTestRedis, redisTest, type TestRedis } from '../support/redis.ts';
import { openApi, type TestApi, type TestApiOptions } from './fixtures/api.ts';
import { openStream } from './fixtures/eventSource.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { type RedisProxy, startRedisProxy } from './fixtures/redisProxy.ts';
import { tutorial } from './fixtures/spec.ts';

/** Opens an API whose Redis is reached through a proxy, with connections as the server process makes them. Returns how to close it, too. */
async function openThrough(proxy: RedisProxy, redis: TestRedis, options: TestApiOptions = {}): Promise<[TestApi, () => Promise<void>]> {
  const connections = new Set<ReturnType<typeof connectRedis>>();
  const connect: typeof redis.connect = (role) => {
    const connection = connectRedis(proxy.url, { role: role === 'subscriber' ? role : 'api' });
    connections.add(connection);
    return connection;
  };
  const api = await openApi({ ...redis, url: proxy.url, connect }, options);
  const close = async (): Promise<void> => {
    await api.close();
    await Promise.all([...connections].map(closeRedis));
  };
  return [api, close];
}

const test = redisTest
  .extend('proxy', async ({ redis }, { onCleanup }): Promise<RedisProxy> => {
    const proxy = await startRedisProxy(redis.url);
    onCleanup(async () => await proxy.close());
    return proxy;
  })
  .extend('api', async ({ redis, proxy }, { onCleanup }) => {
    const [api, close] = await openThrough(proxy, redis);
    onCleanup(close);
    return api;
  });

const job = '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';

test.for(['cut', 'freeze'] as const)(
  'every request about jobs is a 503 with Retry-After while Redis stays away after a %s of the connection',
  async (how, { api, proxy }) => {
    await expect.poll(async () => (await api.get('/jobs')).statusCode).toBe(200);
    await proxy[how]();
    const answers = await Promise.all([
      api.post('/jobs', tutorial),
      api.get('/jobs'),
      api.get(job),
      api.get(`${job}/events`),
      api.get(`${job}/metrics`),
      api.get(`${job}/artifacts/model.safetensors`),
      api.call({ method: 'POST', url: `${job}/cancel` }),
      api.get('/datasets'),
      api.post('/jobs', { ...tutorial, data: { dataset: 'ds_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } }),
    ]);
    for (const answer of answers) {
      expect(answer.statusCode).toBe(503);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(problemSchema.parse(answer.json())).toMatchObject({ code: 'unavailable' });
      expect(answer.body).not.toMatch(/127\.0\.0\.1|at .*\.js|ECONN/);
    }
    expect((await api.post('/jobs?dryRun=true', tutorial)).statusCode).toBe(200);
    expect((await api.get('/catalog')).statusCode).toBe(200);
    await proxy.mend();
    await expect.poll(async () => (await api.get('/jobs')).statusCode).toBe(200);
  },
);

test('pages that need no Redis, and refusals, do not wait for it, although requests are counted', async ({
  proxy,
  redis,
  onTestFinished,
}) => {
  const ada = makeKey('ada');
  const [api, close] = await openThrough(proxy, redis, { apiKeys: parseApiKeys(ada.entry), rateLimit: 100 });
  onTestFinished(close);
  const answers = async (): Promise<number[]> => {
    const paths = ['/', '/catalog', '/openapi.json', '/docs/', '/health/live', '/jobs', '/nothing'];
    return await Promise.all(paths.map(async (path) => (await api.get(path)).statusCode));
  };
  const expected = [200, 200, 200, 200, 200, 401, 401];
  // The first request loads the page of the documents.
  expect(await answers()).toEqual(expected);
  expect((await api.get('/jobs', bearer(ada))).statusCode).toBe(200);
  const command = connectRedis(proxy.url, { role: 'api' });
  onTestFinished(async () => await closeRedis(command));
  await command.ping();
  proxy.freeze();
  // A command that is sent before the requests gives up before any command of theirs would.
  const givenUp = command.ping().then(
    () => 'answered',
    () => 'given up',
  );
  expect(await Promise.race([answers(), givenUp])).toEqual(expected);
  expect(await givenUp).toBe('given up');
  await proxy.mend();
});

test('readiness says which dependency is down, and when it is back', async ({ api, proxy }) => {
  const ready = { status: 'ready', dependencies: { redis: 'up', storage: 'up' } };
  await expect.poll(async () => (await api.get('/health/ready')).json<unknown>()).toEqual(ready);
  await proxy.cut();
  const answer = await api.get('/health/ready');
  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBeDefined();
  expect(answer.json<Problem>()).toMatchObject({
    code: 'unavailable',
    detail: 'Not ready: redis is down.',
    errors: [{ path: '/dependencies/redis', code: 'down' }],
  });
  expect((await api.get('/health/live')).statusCode).toBe(200);
  await proxy.mend();
  await expect.poll(async () => (await api.get('/health/ready')).statusCode).toBe(200);
});

test('a stream that was open goes on after it, with everything that happened meanwhile', async ({ api, proxy, redis }) => {
  const worker = openJobs(redis);
  const attempt = await claim(worker, await createJob(worker));
  const client = await openStream(`${await api.listen()}/jobs/${attempt.jobId}/events`);
  const epochs = () => client.events.filter((event) => event.event === 'epoch').length;
  await attempt.appendEpoch(metricsOf(1));
  await client.until(() => epochs() === 1);
  await proxy.cut();
  for (const epoch of [2, 3]) await attempt.appendEpoch(metricsOf(epoch));
  await proxy.mend();
  await attempt.appendEpoch(metricsOf(4));
  await client.until(() => epochs() === 4);
  expect(new Set(client.events.map((event) => event.id)).size).toBe(client.events.length);
  client.leave();
});

test.for(['cut', 'freeze'] as const)('a stream that is asked for after a %s waits for Redis', async (how, { api, proxy, redis }) => {
  const worker = openJobs(redis);
  const jobId = await createJob(worker);
  const url = `${await api.listen()}/jobs/${jobId}/events`;
  await proxy[how]();
  const opening = openStream(url);
  // The first attempt has failed when another request has.
  expect((await api.get('/jobs')).statusCode).toBe(503);
  await proxy.mend();
  const client = await opening;
  await client.until(({ events }) => events.length === 1);
  expect(client.status).toBe(200);
  client.leave();
});

test('a stream that waits for Redis too long ends without an error status, so that an EventSource reconnects', async ({ api, proxy }) => {
  const url = `${await api.listen()}${job}/events`;
  await proxy.cut();
  const client = await openStream(url);
  await client.ended();
  expect(client.status).toBe(200);
  expect(client.headers.get('content-type')).toBe('text/event-stream');
  expect(client.retries).toEqual([2000]);
  expect(client.events).toEqual([]);
  expect((await fetch(url)).status).toBe(503);
  await proxy.mend();
});

redisTest('a fault of ours is a 500 without a word about its inside', async ({ onTestFinished }) => {
  const redis = openTestRedis();
  const api = await openApi(redis);
  onTestFinished(async () => {
    await api.close();
    await redis.close();
  });
  const jobId = await createJob(api.jobs);
  await redis.connect().hset(redisKeys(redis.prefix).job(jobId), 'spec', '{"broken');
  const answer = await api.get(`/jobs/${jobId}`);
  expect(answer.statusCode).toBe(500);
  expect(problemSchema.parse(answer.json())).toMatchObject({ code: 'internal', instance: `/jobs/${jobId}` });
  expect(answer.body).not.toMatch(/JSON|SyntaxError|node_modules|dist|broken/);
});

test('while Redis is away, metrics still tell of the process', async ({ api, proxy }) => {
  await expect.poll(async () => (await api.get('/metrics')).body).toMatch(/^trainyard_redis_up 1$/m);
  await proxy.cut();
  const { statusCode, body } = await api.get('/metrics');
  expect(statusCode).toBe(200);
  expect(body).toMatch(/^trainyard_redis_up 0$/m);
  expect(body).not.toMatch(/^trainyard_jobs\{/m);
  expect(body).toMatch(/^process_resident_memory_bytes \d/m);
  await proxy.mend();
});
