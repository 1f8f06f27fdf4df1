// How often a key may call: everything counts, also what is answered with 401 or 404, and each caller for itself.
import type { Problem } from '@trainyard/contracts';
import { parseApiKeys, redisKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

const keys = { ada: makeKey('ada'), bob: makeKey('bob') };
const apiKeys = parseApiKeys(`${keys.ada.entry},${keys.bob.entry}`);

/** One more than three a minute is refused, and none comes free while a test runs: the next one does after 20 s. */
async function openLimited(redis: TestRedis): Promise<TestApi> {
  return await openApi(redis, { apiKeys, rateLimit: 3 });
}

const test = redisTest.extend('api', async ({ redis }, { onCleanup }) => {
  const api = await openLimited(redis);
  onCleanup(async () => await api.close());
  return api;
});

async function statuses(count: number, call: () => Promise<{ readonly statusCode: number }>): Promise<number[]> {
  const found: number[] = [];
  for (let made = 0; made < count; made++) found.push((await call()).statusCode);
  return found;
}

describe('a rate limit', () => {
  test('answers 429 and when to come back', async ({ api }) => {
    expect(await statuses(3, async () => await api.get('/jobs', bearer(keys.ada)))).toEqual([200, 200, 200]);
    const refused = await api.get('/jobs', bearer(keys.ada));
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(20);
    expect(refused.json<Problem>()).toMatchObject({
      code: 'tooManyRequests',
      detail: expect.stringContaining('3 requests a minute') as string,
    });
  });

  test('counts a 401 and a 404 as anything else', async ({ api }) => {
    expect(await statuses(4, async () => await api.get('/nothing', bearer(keys.ada)))).toEqual([404, 404, 404, 429]);
    const unknown = { authorization: `Bearer ${makeKey('eve').token}` };
    expect(await statuses(4, async () => await api.get('/jobs', unknown))).toEqual([401, 401, 401, 429]);
  });

  test('counts each key by itself, and what has no key by its address', async ({ api }) => {
    expect(await statuses(4, async () => await api.get('/jobs', bearer(keys.ada)))).toEqual([200, 200, 200, 429]);
    expect((await api.get('/jobs', bearer(keys.bob))).statusCode).toBe(200);
    expect((await api.get('/jobs')).statusCode).toBe(401);
  });

  test('holds for all API processes together', async ({ api, redis, onTestFinished }) => {
    const another = await openLimited(redis);
    onTestFinished(async () => await another.close());
    expect(await statuses(2, async () => await api.get('/jobs', bearer(keys.ada)))).toEqual([200, 200]);
    expect(await statuses(2, async () => await another.get('/jobs', bearer(keys.ada)))).toEqual([200, 429]);
  });

  test('makes nothing of a job that it refuses', async ({ api }) => {
    await statuses(3, async () => await api.get('/jobs', bearer(keys.ada)));
    expect((await api.post('/jobs', tutorial, bearer(keys.ada))).statusCode).toBe(429);
    expect((await api.jobs.store.list({ limit: 1 })).data).toEqual([]);
  });

  test('counts the requests of each client address that need no key', async ({ api }) => {
    expect(await statuses(4, async () => await api.get('/catalog'))).toEqual([200, 200, 200, 429]);
    expect((await api.get('/openapi.json')).statusCode).toBe(429);
    expect((await api.get('/docs/')).statusCode).toBe(429);
    expect((await api.get('/jobs', bearer(keys.ada))).statusCode).toBe(200);
  });

  test('counts requests without a valid key in memory, and only those of keys in Redis', async ({ api, redis }) => {
    const counts = async (): Promise<string[]> => await redis.connect().keys(redisKeys(redis.prefix).turns('*'));
    for (const path of ['/', '/catalog', '/docs/', '/jobs']) await api.get(path);
    expect((await api.get('/catalog')).statusCode).toBe(429);
    expect(await counts()).toEqual([]);
    await api.get('/jobs', bearer(keys.ada));
    expect(await counts()).toEqual([redisKeys(redis.prefix).turns('key:ada')]);
  });

  test.for(['GET', 'POST', 'DELETE'] as const)('does not apply to health checks, also with the method %s', async (method, { api }) => {
    for (const url of ['/health/live', '/health/ready']) {
      const status = method === 'GET' ? 200 : 405;
      expect(new Set(await statuses(9, async () => await api.call({ method, url })))).toEqual(new Set([status]));
    }
  });
});
