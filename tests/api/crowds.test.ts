// Crowds of clients on the streams of one API: all are served, and those that never read are cut off and can come back.
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import { appendLine, metricsOf, result, startJob } from '../support/jobs.ts';
import { redisTest } from '../support/redis.ts';
import { apiTest as test, openApi } from './fixtures/api.ts';
import { openStream } from './fixtures/eventSource.ts';

const ended = { status: 'succeeded', result } as const;

/** A client that asks for a stream, on a connection of its own. */
function ask(url: string): Socket {
  const { hostname, port, pathname, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  // The server resets a connection that it cuts off. `read` returns the text that arrived before.
  socket.on('error', () => undefined);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n`);
  return socket;
}

/** Waits for an event. Unlike `once` of node:events, does not reject when the socket has an error. */
async function emitted(socket: Socket, event: 'readable' | 'close'): Promise<void> {
  await new Promise<void>((resolve) => socket.once(event, () => resolve()));
}

/** Returns the text that arrives until the connection is closed. */
async function read(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  if (!socket.closed) await emitted(socket, 'close');
  return text;
}

const idsOf = (text: string): string[] => [...text.matchAll(/^id: (.*)$/gm)].map(([, id = '']) => id);

test('a thousand clients that connect at once all get every event', async ({ api }) => {
  const attempt = await startJob(api.jobs);
  for (let epoch = 1; epoch <= 20; epoch++) await attempt.appendEpoch(metricsOf(epoch));
  const url = `${await api.listen()}/jobs/${attempt.jobId}/events`;
  const clients = Array.from({ length: 1_000 }, async () => await read(ask(url)));
  await expect.poll(() => api.eventHub.followers).toBe(1_000);
  await attempt.finish(ended);
  const whole = (await api.jobs.log.range(attempt.jobId, { limit: 100 })).data.map(({ id }) => id);
  for (const text of await Promise.all(clients)) {
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(idsOf(text)).toEqual(whole);
  }
});

redisTest('clients that never read are disconnected, and miss nothing when they reconnect', async ({ redis, onTestFinished }) => {
  const api = await openApi(redis, { heartbeatMs: 20, stallMs: 200 });
  onTestFinished(async () => await api.close());
  const attempt = await startJob(api.jobs);
  const line = 'x'.repeat(4_000);
  // More than the buffers of a connection hold.
  for (let at = 0; at < 40; at++) await Promise.all(Array.from({ length: 60 }, async () => await appendLine(attempt, 'info', line)));
  const url = `${await api.listen()}/jobs/${attempt.jobId}/events`;
  const stalled = Array.from({ length: 20 }, () => ask(url));
  // The first piece arrives at each of them and is not read; some may be cut off before others are served.
  await Promise.all(stalled.map(async (socket) => await Promise.race([emitted(socket, 'readable'), emitted(socket, 'close')])));
  await expect.poll(() => api.eventHub.followers).toBe(0);
  await attempt.finish(ended);
  const whole: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await api.jobs.log.range(attempt.jobId, { limit: 10_000, ...(after !== undefined && { after }) });
    whole.push(...page.data.map(({ id }) => id));
    after = page.nextCursor;
  }
  for (const socket of stalled) {
    const text = await read(socket.resume());
    const ids = idsOf(text.slice(0, text.lastIndexOf('\n\n') + 2));
    expect(ids.length).toBeLessThan(whole.length);
    const again = await openStream(url, { 'last-event-id': ids.at(-1) ?? '' });
    await again.ended();
    expect([...ids, ...again.events.map(({ id }) => id)]).toEqual(whole);
  }
});
