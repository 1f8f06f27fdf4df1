// Tests the limit of concurrent requests of one key: further requests of this key wait, and requests of other keys do not.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Problem } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { startJob } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi, type TestApi } from './fixtures/api.ts';
import { openStream } from './fixtures/eventSource.ts';
import { bearer, makeKey, type TestKey } from './fixtures/keys.ts';

const [ada, bob] = [makeKey('ada'), makeKey('bob')];
const apiKeys = parseApiKeys(`${ada.entry},${bob.entry}`);

const test = redisTest.extend('api', async ({ redis }, { onCleanup }) => {
  const api = await openApi(redis, { apiKeys, requestsPerKey: 2 });
  onCleanup(async () => await api.close());
  return api;
});

/** Sends a request of ada without the rest of its body. Resolves when the API has received the headers. */
async function hold(api: TestApi): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port) });
  const lines = ['POST /jobs HTTP/1.1', 'host: localhost', ...Object.entries(bearer(ada)).map((header) => header.join(': '))];
  const begun = once(api.app.server, 'request');
  socket.write(`${[...lines, 'content-type: application/json', 'content-length: 100'].join('\r\n')}\r\n\r\n{`);
  await begun;
  return socket.on('error', () => undefined);
}

test('a request over the limit of its key waits until another one has ended, and other keys do not wait', async ({ api }) => {
  const held = [await hold(api), await hold(api)];
  const url = await api.listen();
  let isAnswered = false;
  const waiting = fetch(`${url}/jobs`, { headers: bearer(ada) }).then((response) => {
    isAnswered = true;
    return response.status;
  });
  for (let count = 0; count < 20; count++) expect((await fetch(`${url}/jobs`, { headers: bearer(bob) })).status).toBe(200);
  expect(isAnswered).toBe(false);
  // One of the held requests ends because its client disconnects.
  held[0]?.destroy();
  expect(await waiting).toBe(200);
  held[1]?.destroy();
});

test('a request gives its place back after every kind of response', async ({ api }) => {
  for (let count = 0; count < 5; count++) {
    expect((await api.get('/jobs', bearer(ada))).statusCode).toBe(200);
    expect((await api.get('/jobs/none', bearer(ada))).statusCode).toBe(404);
    expect((await api.post('/jobs', { epochs: 0 }, bearer(ada))).statusCode).toBe(422);
  }
});

redisTest('a request that has waited too long gets a 429 that says what to do', async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { apiKeys, requestsPerKey: 1, requestWaitMs: 50 });
  onTestFinished(async () => await api.close());
  const held = await hold(api);
  const response = await fetch(`${await api.listen()}/jobs`, { headers: bearer(ada) });
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe('1');
  expect((await response.json()) as Problem).toMatchObject({
    code: 'tooManyRequests',
    detail: 'Too many requests of this key are in progress (the limit is 1). Wait for their responses before you send more.',
  });
  // The request in progress continues.
  held.end(`${' '.repeat(98)}}`);
  expect(await text(held)).toMatch(/^HTTP\/1\.1 422 /);
});

/** How many of 65 waiting requests are refused, by the size of each body. All bodies over 64 KiB count as 1 MiB. */
const refusals = [
  [2 ** 20, 1],
  [65_537, 1],
  [65_536, 0],
] as const;

redisTest.for(refusals)(
  'of 65 waiting requests of a key with bodies of %i bytes, %i are refused',
  async ([bytes, refused], { redis, onTestFinished }) => {
    const api = await openApi(redis, { apiKeys, requestsPerKey: 2, requestWaitMs: 600_000 });
    onTestFinished(async () => await api.close());
    const held = [await hold(api), await hold(api)];
    const url = await api.listen();
    let begun = 0;
    api.app.server.on('request', () => (begun += 1));
    const body = JSON.stringify('x'.repeat(bytes - 2));
    const post = async (key: TestKey): Promise<number> => {
      const headers = { ...bearer(key), 'content-type': 'application/json' };
      return (await fetch(`${url}/jobs`, { method: 'POST', headers, body })).status;
    };
    const statuses: number[] = [];
    const waiting = Array.from({ length: 65 }, async () => statuses.push(await post(ada)));
    await until(() => begun === 65 && statuses.length === refused);
    expect(statuses).toEqual(Array.from({ length: refused }, () => 429));
    expect(await post(bob)).toBe(422);
    // Requests without a body still wait for a place.
    const small = fetch(`${url}/jobs`, { headers: bearer(ada) });
    for (const socket of held) socket.destroy();
    await Promise.all(waiting);
    expect(statuses.slice(refused)).toEqual(Array.from({ length: 65 - refused }, () => 422));
    expect((await small).status).toBe(200);
  },
);

test('event streams do not use the places of requests', async ({ api }) => {
  const { jobId } = await startJob(api.jobs);
  const url = await api.listen();
  const streams = await Promise.all(Array.from({ length: 3 }, async () => await openStream(`${url}/jobs/${jobId}/events`, bearer(ada))));
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await fetch(`${url}/jobs/${jobId}`, { headers: bearer(ada) })).status).toBe(200);
  for (const stream of streams) stream.leave();
});
