// The service behind a reverse proxy: whose headers are believed, under which path clients see it, and that without keys nobody is
// served through one.
import { jobSchema } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { apiTest, openApi, type TestApiOptions } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

describe('without keys', () => {
  const headers = [
    ['x-forwarded-for', '203.0.113.9'],
    ['x-forwarded-host', 'jobs.example.com'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-prefix', '/trainyard'],
    ['forwarded', 'for=203.0.113.9'],
    ['via', '1.1 proxy'],
    ['x-real-ip', '203.0.113.9'],
  ] as const;

  apiTest.for(headers)('a request with %s is refused, on every path', async ([name, value], { api }) => {
    for (const url of ['/metrics', '/jobs', '/catalog', '/health/live', '/']) {
      const response = await api.get(url, { [name]: value });
      expect([url, response.statusCode]).toEqual([url, 403]);
      expect(response.json()).toMatchObject({ code: 'forwardedRequest', detail: expect.stringContaining('TRAINYARD_API_KEYS') as string });
    }
  });

  redisTest('a trusted proxy is refused too', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { trustProxy: ['127.0.0.1'] });
    onTestFinished(async () => await api.close());
    expect((await api.get('/jobs', { 'x-forwarded-for': '203.0.113.9' })).statusCode).toBe(403);
  });
});

describe('with keys', () => {
  const key = makeKey('ada');
  const test = redisTest.extend('open', async ({ redis }, { onCleanup }) => {
    const opened: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const close of opened) await close();
    });
    return async (options: TestApiOptions) => {
      const api = await openApi(redis, { apiKeys: parseApiKeys(key.entry), ...options });
      opened.push(async () => await api.close());
      return api;
    };
  });
  const forwarded = { ...bearer(key), 'x-forwarded-for': '203.0.113.9', 'x-forwarded-prefix': '/trainyard' };

  test('headers of a client that is not a trusted proxy change nothing', async ({ open }) => {
    const api = await open({ trustProxy: ['10.0.0.0/8'] });
    const response = await api.post('/jobs', tutorial, forwarded);
    expect(response.statusCode).toBe(202);
    expect(response.headers['location']).toMatch(/^\/jobs\/job_/);
  });

  test.for([[['127.0.0.1']], [['loopback']], [['127.0.0.0/8', '10.0.0.1']], [1]] as const)(
    'a proxy trusted by %j gives the path under which clients see the service',
    async ([trustProxy], { open }) => {
      const api = await open({ trustProxy });
      const response = await api.post('/jobs', tutorial, forwarded);
      expect(response.headers['location']).toBe(`/trainyard/jobs/${jobSchema.parse(response.json()).id}`);
      const index = await api.get('/', forwarded);
      expect(index.json()).toMatchObject({ links: { documentation: '/trainyard/docs', jobs: '/trainyard/jobs' } });
      expect((await api.get('/openapi.json', forwarded)).json()).toMatchObject({ servers: [{ url: '/trainyard' }] });
      expect((await api.get('/nothing', forwarded)).json()).toMatchObject({ instance: '/trainyard/nothing' });
      expect((await api.get('/docs', forwarded)).headers['location']).toBe('/trainyard/docs/');
    },
  );

  test('a prefix that is not a path is ignored', async ({ open }) => {
    const api = await open({ trustProxy: 1 });
    for (const prefix of ['javascript:alert(1)', '//evil.example', '/a"><script>', '/a b']) {
      const { headers } = await api.post('/jobs', tutorial, { ...forwarded, 'x-forwarded-prefix': prefix });
      expect(headers['location']).toMatch(/^\/jobs\/job_/);
    }
  });

  test('the page shows the address that the client used, if it is valid', async ({ open }) => {
    const api = await open({ trustProxy: 1 });
    const page = async (headers: Record<string, string>) => (await api.get('/', { accept: 'text/html', ...headers })).body;
    const proxied = { 'x-forwarded-host': 'jobs.example.com', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/trainyard' };
    expect(await page(proxied)).toContain('curl https://jobs.example.com/trainyard/jobs ');
    expect(await page(proxied)).toContain('href="/trainyard/docs/"');
    expect(await page({ ...proxied, 'x-forwarded-host': '"><script>' })).toContain('curl https://localhost/trainyard/jobs ');
  });

  test('a configured base path is removed from requests and added to every link', async ({ open }) => {
    const api = await open({ basePath: '/train/yard' });
    const made = await api.post('/train/yard/jobs', tutorial, bearer(key));
    expect(made.statusCode).toBe(202);
    const { id } = jobSchema.parse(made.json());
    expect(made.headers['location']).toBe(`/train/yard/jobs/${id}`);
    // Some proxies take the path off by themselves.
    for (const base of ['/train/yard', '']) {
      const files = await api.get(`${base}/jobs/${id}/artifacts`, bearer(key));
      expect(files.json<{ data: { url: string }[] }>().data.map(({ url }) => url)).toContain(`/train/yard/jobs/${id}/artifacts/spec.json`);
    }
    for (const path of ['/train/yard', '/train/yard/', '/train/yard/docs/', '/train/yard/health/live', '/train/yard?x']) {
      expect([path, (await api.get(path)).statusCode]).toEqual([path, 200]);
    }
    expect((await api.get('/train/yardstick', bearer(key))).statusCode).toBe(404);
    const put = await api.call({ method: 'PUT', url: '/train/yard/jobs?x', headers: bearer(key) });
    expect([put.statusCode, put.headers['allow']]).toEqual([405, 'GET, HEAD, POST']);
    expect(put.json()).toMatchObject({ detail: '/train/yard/jobs supports GET, HEAD, POST, not PUT.' });
    expect((await api.get('/train/yard/docs/')).body).toContain('../openapi.json');
  });

  test("the client's address counts for the rate limit", async ({ open }) => {
    const api = await open({ trustProxy: ['127.0.0.1', '10.0.0.1'], rateLimit: 2 });
    const from = async (...addresses: string[]) => (await api.get('/jobs', { 'x-forwarded-for': addresses.join(', ') })).statusCode;
    expect([await from('203.0.113.1'), await from('203.0.113.1', '10.0.0.1'), await from('203.0.113.1')]).toEqual([401, 401, 429]);
    expect(await from('203.0.113.2')).toBe(401);
    // What stands before an address that is not trusted is the client's own invention.
    expect(await from('203.0.113.3', '203.0.113.1')).toBe(429);
  });
});
