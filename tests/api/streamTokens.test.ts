// Tokens for one event stream: what a browser's own EventSource follows a job with, since it can't send a key.
import type { Problem, StreamToken } from '@trainyard/contracts';
import { createApiKey, parseApiKeys, redisKeys } from '@trainyard/jobs';
import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { createJob, metricsOf, result, startJob } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { openApi, type TestApi, type TestApiOptions } from './fixtures/api.ts';
import { openStream } from './fixtures/eventSource.ts';

const [ada, eve, root] = [createApiKey('ada', 'user'), createApiKey('eve', 'user'), createApiKey('root', 'admin')];
const apiKeys = parseApiKeys([ada, eve, root].map(({ entry }) => entry).join(','));
const bearer = ({ token }: { readonly token: string }) => ({ authorization: `Bearer ${token}` });
const ended = { status: 'succeeded', result } as const;

async function open(
  redis: TestRedis,
  onTestFinished: (close: () => Promise<void>) => void,
  options: TestApiOptions = {},
): Promise<TestApi> {
  const api = await openApi(redis, { apiKeys, ...options });
  onTestFinished(async () => await api.close());
  return api;
}

async function issue(api: TestApi, jobId: string, key: { readonly token: string } = ada): Promise<StreamToken> {
  const answer = await api.call({ method: 'POST', url: `/jobs/${jobId}/events/token`, headers: bearer(key) });
  expect(answer.statusCode, answer.body).toBe(201);
  expect(answer.headers['cache-control']).toBe('no-store');
  return answer.json<StreamToken>();
}

const streamUrl = async (api: TestApi, jobId: string, token: string): Promise<string> =>
  `${await api.listen()}/jobs/${jobId}/events?token=${token}`;

/** What a request with the token is answered. */
async function statusWith(api: TestApi, path: string, token: string): Promise<number> {
  const mark = path.includes('?') ? '&' : '?';
  return (await api.get(`${path}${mark}token=${token}`, { accept: 'text/event-stream' })).statusCode;
}

/** Makes a token look older: moves its creation time into the past. */
async function age(redis: TestRedis, seconds: number): Promise<void> {
  const connection = redis.connect();
  for (const key of await connection.keys(`${redisKeys(redis.prefix).tag}:streamToken:*`)) {
    const left = await connection.ttl(key);
    if (left <= seconds) await connection.del(key);
    else await connection.expire(key, left - seconds);
  }
}

describe('a stream token', () => {
  redisTest('follows a job to its end, over several API processes, with the same address', async ({ redis, onTestFinished }) => {
    const [here, there] = [await open(redis, onTestFinished), await open(redis, onTestFinished)];
    const attempt = await startJob(here.jobs);
    const { token, expiresAt } = await issue(here, attempt.jobId);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(0);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const first = await openStream(await streamUrl(there, attempt.jobId, token));
    await first.until(({ events }) => events.length === 2);
    first.leave();
    await age(redis, 60);
    await attempt.appendEpoch(metricsOf(1));
    await attempt.finish(ended);
    const second = await openStream(await streamUrl(here, attempt.jobId, token), { 'last-event-id': first.events.at(-1)?.id ?? '' });
    await second.ended();
    expect(second.events.map(({ event }) => event)).toEqual(['epoch', 'status']);
    const third = await openStream(await streamUrl(here, attempt.jobId, token), { 'last-event-id': second.events.at(-1)?.id ?? '' });
    expect(third.status).toBe(204);
  });

  redisTest('that has not begun within a minute is a 401, which says how to get another', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    await age(redis, 60);
    const answer = await api.get(`/jobs/${jobId}/events?token=${token}`, { accept: 'text/event-stream' });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
    const problem = answer.json<Problem>();
    expect(problem).toMatchObject({ code: 'unauthorized', instance: `/jobs/${jobId}/events` });
    expect(problem.detail).toContain(`POST /jobs/${jobId}/events/token`);
    expect(answer.body).not.toContain(token);
  });

  redisTest('lives for an hour after the job has ended, and no longer', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const attempt = await startJob(api.jobs);
    const { token } = await issue(api, attempt.jobId);
    const path = `/jobs/${attempt.jobId}/events`;
    const client = await openStream(await streamUrl(api, attempt.jobId, token));
    await attempt.finish(ended);
    await client.ended();
    expect(await statusWith(api, `${path}?after=9999999999999-0`, token)).toBe(204);
    const connection = redis.connect();
    const hourAgo = Date.now() - 3_700_000;
    await connection.hset(redisKeys(redis.prefix).job(attempt.jobId), 'finalEvent', `${hourAgo}-0`);
    const [key = ''] = await connection.keys(`${redisKeys(redis.prefix).tag}:streamToken:*`);
    expect(await statusWith(api, `${path}?after=9999999999999-0`, token)).toBe(204);
    await connection.hset(key, 'begunAt', hourAgo);
    expect(await statusWith(api, `${path}?after=9999999999999-0`, token)).toBe(401);
  });

  redisTest('is for this stream of this job alone', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const [jobId, other] = [await createJob(api.jobs), await createJob(api.jobs)];
    const { token } = await issue(api, jobId);
    expect(await statusWith(api, `/jobs/${other}/events`, token)).toBe(401);
    for (const path of ['', '/metrics', '/artifacts']) expect(await statusWith(api, `/jobs/${jobId}${path}`, token)).toBe(401);
    expect(await statusWith(api, '/jobs', token)).toBe(401);
    for (const url of [`/jobs/${jobId}/events/token`, `/jobs/${jobId}/cancel`]) {
      expect((await api.call({ method: 'POST', url: `${url}?token=${token}` })).statusCode).toBe(401);
    }
    expect((await api.call({ method: 'GET', url: '/jobs', headers: bearer({ token }) })).statusCode).toBe(401);
    await api.jobs.store.act('cancel', jobId);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(200);
  });

  redisTest('that was never issued is a 401, and so are several at once', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    for (const wrong of ['', 'tys_x', `${token}x`, token.slice(0, -1), `${token}&token=${token}`])
      expect(await statusWith(api, `/jobs/${jobId}/events`, wrong), wrong).toBe(401);
    expect(await statusWith(api, '/jobs/nonsense/events', token)).toBe(401);
  });

  redisTest('is for those who may see the job: another key’s job is a 404, any job is an admin’s', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const jobId = await createJob(api.jobs);
    const url = `/jobs/${jobId}/events/token`;
    expect((await api.call({ method: 'POST', url, headers: bearer(eve) })).statusCode).toBe(404);
    expect((await api.call({ method: 'POST', url })).statusCode).toBe(401);
    const { token } = await issue(api, jobId, root);
    await api.jobs.store.act('cancel', jobId);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(200);
  });

  redisTest('ends with the key that it was made with, also when a new key has its name', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished);
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    await api.jobs.store.act('cancel', jobId);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(200);
    for (const keys of [parseApiKeys(eve.entry), parseApiKeys(createApiKey('ada', 'user').entry)]) {
      const later = await open(redis, onTestFinished, { apiKeys: keys });
      expect(await statusWith(later, `/jobs/${jobId}/events`, token)).toBe(401);
    }
  });

  redisTest('appears in no log line and in no key of Redis', async ({ redis, onTestFinished }) => {
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const api = await open(redis, onTestFinished, { log });
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    await api.jobs.store.act('cancel', jobId);
    for (const [path, status] of [
      [`/jobs/${jobId}/events`, 200],
      [`/jobs/${jobId}/events?limit=1`, 422],
      [`/jobs/${jobId}/events?after=x`, 422],
      [`/jobs/${jobId}/nothing`, 401],
    ] as const) {
      const answer = await api.get(`${path}${path.includes('?') ? '&' : '?'}token=${token}`, { accept: 'text/event-stream' });
      expect(answer.statusCode).toBe(status);
      expect(answer.body).not.toContain(token);
    }
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.join('')).not.toContain(token);
    expect((await redis.connect().keys('*')).join(' ')).not.toContain(token);
  });

  redisTest('counts against the rate limit of its key', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished, { rateLimit: 3 });
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    await api.jobs.store.act('cancel', jobId);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(200);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(200);
    expect(await statusWith(api, `/jobs/${jobId}/events`, token)).toBe(429);
    expect((await api.get('/jobs', bearer(eve))).statusCode).toBe(200);
  });

  redisTest('serves pages of another web site that the operator allows', async ({ redis, onTestFinished }) => {
    const origin = 'https://board.example';
    const api = await open(redis, onTestFinished, { corsOrigins: [origin] });
    const jobId = await createJob(api.jobs);
    const { token } = await issue(api, jobId);
    await api.jobs.store.act('cancel', jobId);
    const answer = await api.get(`/jobs/${jobId}/events?token=${token}`, { accept: 'text/event-stream', origin });
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
  });

  redisTest('is not needed where no keys are configured, and does no harm', async ({ redis, onTestFinished }) => {
    const api = await open(redis, onTestFinished, { apiKeys: [] });
    const jobId = await createJob(api.jobs);
    const answer = await api.call({ method: 'POST', url: `/jobs/${jobId}/events/token` });
    expect(answer.statusCode).toBe(201);
    await api.jobs.store.act('cancel', jobId);
    expect(await statusWith(api, `/jobs/${jobId}/events`, answer.json<StreamToken>().token)).toBe(200);
  });
});
