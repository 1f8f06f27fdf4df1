// Webhooks that are not taken, or not sent: addresses inside of the service's network, and specs that cannot be.
import type { Problem } from '@trainyard/contracts';
import { describe, expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { openApi } from './fixtures/api.ts';
import { tutorial } from './fixtures/spec.ts';
import { get, post, serviceSecret, statusBecomes, succeed, webhookTest as test } from './fixtures/webhooks.ts';

describe('a webhook does not reach into the network of the service', () => {
  const inside = [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '192.168.0.1',
    '100.64.0.1',
    '0.0.0.0',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[fe80::1]',
    '[fd00::1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
  ];

  redisTest.for(inside)('by the address %s', async (host, { redis, onTestFinished }) => {
    const api = await openApi(redis, { webhookPolicy: { secret: serviceSecret, allowPrivate: false } });
    onTestFinished(async () => await api.close());
    const response = await api.post('/jobs', { ...tutorial, webhook: { url: `http://${host}/` } });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/webhook/url', code: 'privateAddress' }]);
  });

  test('by a name that means one inside', async ({ stage: { api, send, receive } }) => {
    const receiver = await receive();
    const { port } = new URL(receiver.url);
    // A public address for whoever looks first, this machine's afterwards: as rebinding does it.
    let asked = 0;
    const resolve = () => {
      asked += 1;
      return Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    };
    send({ allowPrivate: false, resolve });
    const job = await post(api, { url: `http://hooks.example:${port}/` });
    await succeed(api, job);
    await statusBecomes(api, job, 'failed');
    expect((await get(api, job.id)).webhook).toMatchObject({ attempts: 1, error: 'its address is not a public one' });
    expect(asked).toBe(1);
    expect(receiver.received).toEqual([]);
  });
});

describe('what cannot be a webhook is refused', () => {
  test.for([
    ['another scheme', { url: 'ftp://example.com/' }, '/webhook/url'],
    ['a password', { url: 'https://ada:secret@example.com/' }, '/webhook/url'],
    ['no host', { url: 'https://' }, '/webhook/url'],
    ['a short secret', { url: 'https://example.com/', secret: 'whsec_AAAA' }, '/webhook/secret'],
    ['an unknown field', { url: 'https://example.com/', key: 'x' }, '/webhook/key'],
  ] as const)('%s', async ([, webhook, path], { stage: { api } }) => {
    const response = await api.post('/jobs', { ...tutorial, webhook });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors?.map((error) => error.path)).toEqual([path]);
    expect(response.body).not.toContain('AAAA');
  });

  test('a field that is nearly one is told so', async ({ stage: { api } }) => {
    const response = await api.post('/jobs', { ...tutorial, webhok: {} });
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/webhok', message: expect.stringContaining('"webhook"') as string }]);
  });

  redisTest('one that nothing could sign', async ({ redis, onTestFinished }) => {
    const api = await openApi(redis);
    onTestFinished(async () => await api.close());
    const response = await api.post('/jobs', { ...tutorial, webhook: { url: 'https://example.com/' } });
    expect(response.statusCode).toBe(422);
    expect(response.json<Problem>().errors).toMatchObject([{ path: '/webhook/secret', code: 'required' }]);
  });
});
