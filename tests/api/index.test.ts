// The service's front door: links for programs, a page for people.
import { expect } from 'vitest';
import { parseApiKeys } from '@trainyard/jobs';
import { redisTest } from '../support/redis.ts';
import { apiTest as test, openApi } from './fixtures/api.ts';
import { makeKey } from './fixtures/keys.ts';

/** As browsers ask. */
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

test.for([undefined, '*/*', 'application/json', 'application/json, text/html;q=0.5'])(
  'who accepts %s gets the links as JSON',
  async (accept, { api }) => {
    const response = await api.get('/', accept === undefined ? {} : { accept });
    expect(response.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', vary: 'accept' });
    expect(response.json()).toMatchObject({ name: 'trainyard', links: { documentation: '/docs', jobs: '/jobs' } });
  },
);

test('a browser gets a page that loads nothing, says the address, and whose links lead somewhere', async ({ api }) => {
  const response = await api.get('/', { accept: browser, host: 'localhost:4321' });
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(response.body).toMatch(/^<!doctype html>/);
  expect(response.body).toContain('curl http://localhost:4321/jobs');
  expect(response.body).not.toMatch(/<script|<img|<link|src=/);
  const links = [...response.body.matchAll(/href="([^"]+)"/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(2);
  for (const path of links) expect([path, (await api.get(path)).statusCode]).toEqual([path, 200]);
});

test('the job on the page is one that the service takes', async ({ api }) => {
  const { body } = await api.get('/', { accept: 'text/html' });
  const spec = /-d '([^']+)'/.exec(body)?.[1] ?? '';
  expect((await api.post('/jobs', JSON.parse(spec))).statusCode).toBe(202);
});

test('who accepts neither is told what there is', async ({ api }) => {
  const response = await api.get('/', { accept: 'image/png' });
  expect(response.statusCode).toBe(406);
  expect(response.json()).toMatchObject({ code: 'notAcceptable', detail: 'The links come as application/json or text/html.' });
});

redisTest('where keys are configured, the command on the page sends one', async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { apiKeys: parseApiKeys(makeKey('ada').entry) });
  onTestFinished(async () => await api.close());
  const { body } = await api.get('/', { accept: browser });
  expect(body).toContain('-H "authorization: Bearer $KEY"');
  expect(body).toContain('with your API key in <code>KEY</code>');
});

test('without keys, the command on the page sends none', async ({ api }) => {
  expect((await api.get('/', { accept: browser })).body).not.toContain('authorization');
});

test("the reference loads nothing from other sites, and offers none of its maker's services", async ({ api }) => {
  const { body, headers } = await api.get('/docs/', { accept: browser });
  expect(body.match(/https?:\/\/[^\s"'<]+/g) ?? []).toEqual([]);
  expect([...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url)).toEqual(['js/scalar.js']);
  // Whatever its program has in it, the browser lets it load from here alone.
  expect(headers['content-security-policy']).toMatch(/default-src 'self'/);
  expect(headers['content-security-policy']).not.toMatch(/https?:|\*/);
  for (const setting of ['"hideClientButton": true', '"showDeveloperTools": "never"', '"telemetry": false', '"withDefaultFonts": false']) {
    expect(body).toContain(setting);
  }
  expect(body).toMatch(/"agent": \{\s*"disabled": true/);
  expect(body).toMatch(/"mcp": \{\s*"disabled": true/);
});
