// Tests the limits of connections to one API process: their number, the event streams of each key, and clients that do not read.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Problem } from '@trainyard/contracts';
import { parseApiKeys } from '@trainyard/jobs';
import { describe, expect } from 'vitest';
import { appendLine, startJob } from '../support/jobs.ts';
import { redisTest, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { openApi, type TestApi, type TestApiOptions } from './fixtures/api.ts';
import { openStream, type StreamClient } from './fixtures/eventSource.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const test = redisTest.extend('open', async ({ redis }: { redis: TestRedis }, { onCleanup }) => {
  const opened: TestApi[] = [];
  onCleanup(async () => void (await Promise.all(opened.map(async (api) => await api.close()))));
  return async (options: TestApiOptions): Promise<TestApi> => {
    const api = await openApi(redis, options);
    opened.push(api);
    return api;
  };
});

const connectionsOf = async ({ app }: TestApi): Promise<number> => await promisify(app.server.getConnections.bind(app.server))();

/** Opens a connection and waits until the API has accepted it. `isClosed` says whether it is closed. */
async function openSocket(api: TestApi, localAddress = '127.0.0.1'): Promise<{ readonly socket: Socket; isClosed: boolean }> {
  const port = Number(new URL(await api.listen()).port);
  const accepted = once(api.app.server, 'connection');
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  const opened = { socket, isClosed: false };
  socket.on('error', () => undefined).on('close', () => (opened.isClosed = true));
  await accepted;
  return opened;
}

/** The text of a request. */
const getRequest = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;

describe('when all connections are open', () => {
  test('the oldest idle connection is closed for a new one', async ({ open }) => {
    const api = await open({ connections: 3 });
    const idle = [await openSocket(api), await openSocket(api), await openSocket(api)];
    const { socket } = await openSocket(api);
    socket.write(getRequest('/health/live'));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
    await until(() => idle.some(({ isClosed }) => isClosed));
    expect(idle.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
    for (const each of idle) each.socket.destroy();
  });

  test.skipIf(process.platform !== 'linux')(
    'the connection that is closed belongs to the address with the most connections',
    async ({ open }) => {
      const api = await open({ connections: 3 });
      const first = await openSocket(api, '127.0.0.1');
      const others = [await openSocket(api, '127.0.0.2'), await openSocket(api, '127.0.0.2')];
      const { socket } = await openSocket(api, '127.0.0.3');
      await until(() => [first, ...others].some(({ isClosed }) => isClosed));
      expect([first, ...others].map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
      for (const each of [first, ...others, { socket }]) each.socket.destroy();
    },
  );

  test('a connection that waits for a response stays open, and the new connection is closed instead', async ({ open }) => {
    const api = await open({ connections: 1 });
    const { jobId } = await startJob(api.jobs);
    const stream = await openStream(`${await api.listen()}/jobs/${jobId}/events`);
    await stream.until(({ events }) => events.length > 0);
    const refused = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port) });
    refused.on('error', () => undefined);
    await once(refused, 'close');
    expect(api.eventHub.followers).toBe(1);
    stream.leave();
  });
});

test('a client that does not read its response is disconnected, and a client that waits for events is not', async ({ open }) => {
  const api = await open({ stallMs: 200, heartbeatMs: 1_000_000 });
  const { jobId } = await startJob(api.jobs);
  const stream = await openStream(`${await api.listen()}/jobs/${jobId}/events`);
  await stream.until(({ events }) => events.length > 0);
  const { socket } = await openSocket(api);
  // The response has nine megabytes, more than the buffers of a connection can hold.
  socket.on('error', () => undefined);
  socket.pause().write(getRequest('/datasets/digits/export'));
  // On a slow machine the connection may be closed before any byte of the response arrives.
  await once(socket, 'readable').catch(() => undefined);
  await until(async () => (await connectionsOf(api)) === 1);
  expect(api.eventHub.followers).toBe(1);
  stream.leave();
  socket.destroy();
});

test('a key over its limit of event streams gets a 429, and other keys do not', async ({ open }) => {
  const [ada, bob] = [makeKey('ada'), makeKey('bob', 'admin')];
  const api = await open({ apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`), streamsPerKey: 2 });
  const url = `${await api.listen()}/jobs/${(await startJob(api.jobs)).jobId}/events`;
  const [first, second] = [await openStream(url, bearer(ada)), await openStream(url, bearer(ada))];
  expect([first.status, second.status]).toEqual([200, 200]);

  const refused = await fetch(url, { headers: { accept: 'text/event-stream', ...bearer(ada) } });
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect((await refused.json()) as Problem).toMatchObject({
    code: 'tooManyRequests',
    detail: 'This key has 2 open event streams, which is the limit. Close some of them.',
  });
  const other = await openStream(url, bearer(bob));
  expect(other.status).toBe(200);
  // A page of events is not a stream.
  expect((await fetch(url, { headers: bearer(ada) })).status).toBe(200);

  first.leave();
  await until(() => api.eventHub.followers === 2);
  const again = await openStream(url, bearer(ada));
  expect(again.status).toBe(200);
  for (const each of [second, other, again]) each.leave();
});

test('a key sends a few long histories at a time, so its clients that do not read delay only its own streams', async ({ open }) => {
  const [ada, bob] = [makeKey('ada', 'admin'), makeKey('bob', 'admin')];
  const api = await open({ apiKeys: parseApiKeys(`${ada.entry},${bob.entry}`) });
  const attempt = await startJob(api.jobs);
  const { jobId } = attempt;
  // 12 MB are more than the buffers of a connection can hold.
  await Promise.all(Array.from({ length: 3_000 }, async () => await appendLine(attempt, 'info', 'x'.repeat(4_000))));
  const path = `/jobs/${jobId}/events`;
  const head = ['host: localhost', 'accept: text/event-stream', `authorization: Bearer ${ada.token}`];
  const silent = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const { socket } = await openSocket(api);
      socket.write(`${[`GET ${path} HTTP/1.1`, ...head].join('\r\n')}\r\n\r\n`);
      // The client reads more than a short history and then stops. So its stream holds one of the four places that the key has for long
      // histories.
      socket.on('data', () => void (socket.bytesRead > 200_000 && socket.pause()));
      await once(socket, 'pause');
      return socket;
    }),
  );

  const url = `${await api.listen()}${path}`;
  const isLast = ({ events }: StreamClient): boolean => events.length > 3_000;
  const waiting = await openStream(url, bearer(ada));
  await waiting.until(({ events }) => events.length > 0);
  const other = await openStream(url, bearer(bob));
  await other.until(isLast);
  expect(isLast(waiting)).toBe(false);
  for (const socket of silent) socket.destroy();
  await waiting.until(isLast);
  for (const each of [waiting, other]) each.leave();
});
