// What an answer tells a browser that it may do with it.
import { describe, expect } from 'vitest';
import { parseApiKeys } from '@trainyard/jobs';
import { redisTest } from '../support/redis.ts';
import { apiTest, openApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const board = 'http://localhost:5173';

describe('security headers', () => {
  apiTest.for(['/', '/jobs', '/nothing', '/openapi.json', '/docs/'])('are on the answer of %s', async (url, { api }) => {
    const { headers } = await api.get(url);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  apiTest('let data load nothing, and a page what comes from here', async ({ api }) => {
    expect((await api.get('/jobs')).headers['content-security-policy']).toContain("default-src 'none'");
    expect((await api.get('/docs/')).headers['content-security-policy']).toContain("default-src 'self'");
  });
});

describe('other web sites', () => {
  apiTest('may read nothing', async ({ api }) => {
    const { headers } = await api.get('/jobs', { origin: board });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    const preflight = { origin: board, 'access-control-request-method': 'POST' };
    expect((await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight })).statusCode).toBe(403);
  });

  redisTest('may where the operator names them, and no others', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis, { corsOrigins: [board] });
    onTestFinished(async () => await api.close());
    const answer = await api.get('/jobs', { origin: board });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': board, vary: 'origin' });
    const preflight = { origin: board, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const allowed = await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight });
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers['access-control-allow-methods']).toContain('POST');
    const other = await api.get('/jobs', { origin: 'http://localhost:9999' });
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });
});

interface DocumentedOperation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly headers?: object }>>;
}

describe('a site that the operator names', () => {
  const key = makeKey('ada');
  const test = redisTest.extend('api', async ({ redis }, { onCleanup }) => {
    const api = await openApi(redis, { corsOrigins: [board], apiKeys: parseApiKeys(key.entry), rateLimit: 3 });
    onCleanup(async () => await api.close());
    return api;
  });
  const names = (value: unknown): string[] => String(value).split(', ');
  const preflight = { origin: board, 'access-control-request-method': 'GET' };

  test('may use every method and header of the OpenAPI document', async ({ api }) => {
    const { paths } = (await api.get('/openapi.json')).json<{ paths: Record<string, Record<string, DocumentedOperation>> }>();
    const operations = Object.values(paths).flatMap((path) => Object.entries(path));
    const { headers } = await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight });
    expect(names(headers['access-control-allow-methods'])).toEqual(
      expect.arrayContaining(operations.map(([method]) => method.toUpperCase())),
    );
    const sent = operations.flatMap(([, { parameters = [] }]) => parameters.filter((each) => each.in === 'header').map(({ name }) => name));
    expect(sent).toContain('last-event-id');
    expect(names(headers['access-control-allow-headers'])).toEqual(expect.arrayContaining(sent.map((name) => name.toLowerCase())));
    const answered = operations.flatMap(([, { responses }]) => Object.values(responses).flatMap((each) => Object.keys(each.headers ?? {})));
    expect(answered).toContain('Content-Range');
    const read = await api.get('/jobs', { origin: board, ...bearer(key) });
    expect(names(read.headers['access-control-expose-headers'])).toEqual(
      expect.arrayContaining(answered.map((name) => name.toLowerCase())),
    );
  });

  test.for(['authorization', 'idempotency-key', 'last-event-id', 'if-none-match', 'if-range', 'range', 'prefer', 'x-request-id'])(
    'may send %s',
    async (name, { api }) => {
      const { headers } = await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight });
      expect(names(headers['access-control-allow-headers'])).toContain(name);
    },
  );

  test('may send preflight requests without a key and without a rate limit', async ({ api }) => {
    for (let i = 0; i < 10; i++) {
      const response = await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight });
      expect([response.statusCode, response.headers['access-control-allow-origin'], response.headers['vary']]).toEqual([
        204,
        board,
        'origin',
      ]);
      expect(Number(response.headers['access-control-max-age'])).toBeGreaterThan(0);
    }
  });

  test('may read errors', async ({ api }) => {
    const origin = { origin: board };
    const large = { method: 'POST', url: '/jobs', headers: { ...origin, ...bearer(key), 'content-type': 'application/json' } } as const;
    const statuses: number[] = [];
    for (const response of [
      await api.get('/jobs/%zz', origin),
      await api.call({ ...large, payload: ' '.repeat(2 ** 20 + 1) }),
      await api.call({ ...large, headers: { ...large.headers, 'content-encoding': 'gzip' }, payload: 'x' }),
      await api.get('/nothing', { ...origin, ...bearer(key) }),
      await api.get('/jobs', { ...origin, ...bearer(key) }),
      await api.get('/jobs', origin),
    ]) {
      statuses.push(response.statusCode);
      expect([response.statusCode, response.headers['access-control-allow-origin']]).toEqual([response.statusCode, board]);
      expect(response.headers['access-control-expose-headers']).toContain('retry-after');
    }
    expect(statuses).toEqual([404, 413, 415, 404, 429, 401]);
  });
});
