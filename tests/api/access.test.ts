// Who may call: bearer keys where there are any, this machine alone where there are none, and jobs that belong to the
// key that made them.
import { request as httpRequest } from 'node:http';
import { jobPage, type Job, type Problem } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { apiTest, openApi, type TestApi } from './fixtures/api.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { tutorial } from './fixtures/spec.ts';

const guarded = [
  '/jobs',
  '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5',
  '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5/events',
  '/nothing',
  '/metrics',
  '/workers',
  '/quotas',
];
const open = ['/', '/docs/', '/docs/js/scalar.js', '/openapi.json', '/catalog', '/health/live', '/health/ready'];

function expectUnauthorized(response: LightMyRequestResponse): void {
  expect(response.statusCode).toBe(401);
  expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="trainyard"/);
  expect(response.json<Problem>()).toMatchObject({ code: 'unauthorized' });
}

describe('with keys configured', () => {
  const keys = { ada: makeKey('ada'), bob: makeKey('bob'), root: makeKey('root', 'admin') };
  const test = redisTest.extend('api', async ({ redis }, { onCleanup }) => {
    const api = await openApi(redis, { apiKeys: parseApiKeys([keys.ada, keys.bob, keys.root].map((key) => key.entry).join(',')) });
    onCleanup(async () => await api.close());
    return api;
  });

  const make = async (api: TestApi, key: { token: string }): Promise<Job> => (await api.post('/jobs', tutorial, bearer(key))).json<Job>();

  test.for(guarded)('%s needs one', async (url, { api }) => {
    expectUnauthorized(await api.get(url));
    expect((await api.get(url, bearer(keys.ada))).statusCode).not.toBe(401);
  });

  test.for(open)('%s is public', async (url, { api }) => {
    expect((await api.get(url)).statusCode).toBe(200);
    expect((await api.call({ method: 'DELETE', url })).statusCode).toBe(405);
  });

  test.for([
    ['another scheme', `Basic ${keys.ada.token}`],
    ['no token', 'Bearer '],
    ['an unknown token', `Bearer ${makeKey('ada').token}`],
    ['the digest from the configuration', `Bearer ${keys.ada.entry.split(':')[2] ?? ''}`],
    ['half a token', `Bearer ${keys.ada.token.slice(0, -1)}`],
  ] as const)('%s is refused', async ([, authorization], { api }) => {
    expectUnauthorized(await api.get('/jobs', { authorization }));
  });

  test('takes the scheme in any case, as RFC 9110 wants it', async ({ api }) => {
    expect((await api.get('/jobs', { authorization: `bearer ${keys.ada.token}` })).statusCode).toBe(200);
  });

  test("another key's job is a 404 in the words of a job that never was", async ({ api }) => {
    const { id } = await make(api, keys.ada);
    for (const path of ['', '/events', '/metrics', '/artifacts/model.safetensors']) {
      const theirs = await api.get(`/jobs/${id}${path}`, { ...bearer(keys.bob), 'x-request-id': 'same' });
      const none = await api.get(`/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5${path}`, { ...bearer(keys.bob), 'x-request-id': 'same' });
      expect(theirs.statusCode).toBe(404);
      expect(theirs.body.replaceAll(id, 'ID')).toBe(none.body.replaceAll('job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5', 'ID'));
    }
    expect((await api.post(`/jobs/${id}/cancel`, {}, bearer(keys.bob))).statusCode).toBe(404);
    expect((await api.get(`/jobs/${id}`, bearer(keys.ada))).json()).toMatchObject({ status: 'queued' });
  });

  test("a key lists its own jobs, an admin everybody's", async ({ api }) => {
    const [first, second, third] = [await make(api, keys.ada), await make(api, keys.bob), await make(api, keys.ada)];
    const listed = async (key: { token: string }) => jobPage.parse((await api.get('/jobs', bearer(key))).json()).data.map((job) => job.id);
    expect(await listed(keys.ada)).toEqual([third.id, first.id]);
    expect(await listed(keys.bob)).toEqual([second.id]);
    expect(await listed(keys.root)).toEqual([third.id, second.id, first.id]);
    expect((await api.get(`/jobs/${second.id}`, bearer(keys.root))).statusCode).toBe(200);
  });

  test('a foreign Host is served', async ({ api }) => {
    expect((await api.get('/jobs', { ...bearer(keys.ada), host: 'trainyard.example:3000' })).statusCode).toBe(200);
  });
});

describe('without keys', () => {
  apiTest.for(['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.0.0.1:3000', '127.4.5.6', '[::1]', '[::1]:3000'])(
    'Host %s is served',
    async (host, { api }) => {
      expect((await api.get('/jobs', { host })).statusCode).toBe(200);
    },
  );

  apiTest.for([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.0.1:3000',
    '0.0.0.0',
    '[::2]',
    '1270.0.1',
    'localhost@evil.example',
  ])('Host %s is refused, for a web page could have made it mean this machine', async (host, { api }) => {
    const url = new URL(await api.listen());
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest({ host: url.hostname, port: url.port, path: '/catalog', headers: { host } }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect([400, 403]).toContain(status);
  });

  apiTest.for([
    ['https://evil.example', 403],
    ['http://localhost.evil.example', 403],
    ['null', 403],
    ['http://localhost:3000', 202],
    ['HTTP://LOCALHOST:3000', 202],
    ['http://localhost:5173', 403],
    ['http://localhost', 403],
    ['https://localhost:3000', 403],
    ['http://127.0.0.1:3000', 403],
    ['http://[::1]:3000', 403],
    ['http://localhost:3000.evil.example', 403],
  ] as const)('a request from a browser to localhost:3000 with the Origin %s gets %i', async ([origin, status], { api }) => {
    expect((await api.post('/jobs', tutorial, { host: 'localhost:3000', origin })).statusCode).toBe(status);
  });

  apiTest.for(['127.0.0.1:3000', '[::1]:3000', 'localhost'])('a page of the service may call the service at %s', async (host, { api }) => {
    expect((await api.post('/jobs', tutorial, { host, origin: `http://${host}` })).statusCode).toBe(202);
  });

  redisTest(
    'a page on this machine may call if corsOrigins names it, and a page on another machine may not',
    async ({ redis, onTestFinished }) => {
      const [here, elsewhere] = ['http://localhost:5173', 'https://board.example'];
      const api = await openApi(redis, { corsOrigins: [here, elsewhere] });
      onTestFinished(async () => await api.close());
      expect((await api.post('/jobs', tutorial, { origin: here })).statusCode).toBe(202);
      expect((await api.post('/jobs', tutorial, { origin: elsewhere })).statusCode).toBe(403);
    },
  );
});
