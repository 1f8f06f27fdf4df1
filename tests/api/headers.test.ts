// What an answer tells a browser that it may do with it.
import { describe, expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { apiTest, openApi } from './fixtures/api.ts';

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
    expect((await api.call({ method: 'OPTIONS', url: '/jobs', headers: preflight })).statusCode).toBe(405);
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
