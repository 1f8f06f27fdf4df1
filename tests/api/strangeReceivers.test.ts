// Tests receivers of webhooks that respond in unusual ways or not at all. Each attempt ends with the right reason, and its connection is closed.
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { PrivateAddressError } from '../../services/api/src/webhooks/addressGuard.ts';
import { queryDns, SystemLookups } from '../../services/api/src/webhooks/resolveHost.ts';
import { describe as reasonOf } from '../../services/api/src/webhooks/deliveryErrors.ts';
import { type Receipt, type SendOptions, sendWebhook } from '../../services/api/src/webhooks/sendWebhook.ts';
import { drip, startNameServer, startStrangeReceiver } from './fixtures/strangeReceiver.ts';
import { jobSecret } from './fixtures/webhooks.ts';

/** A time limit that no test reaches, in ms. */
const never = 2 ** 30;

const send = async (url: string, options: Partial<SendOptions>): Promise<Receipt> =>
  await sendWebhook({
    url,
    secret: jobSecret,
    message: { type: 'job.succeeded', timestamp: new Date().toISOString(), data: { id: 'job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5' } },
    allowPrivate: true,
    timeoutMs: never,
    signal: new AbortController().signal,
    resolve: new SystemLookups().of('ada'),
    ...options,
  });

/** Sends a webhook and waits until its connection is closed. Returns the status, or the reason why there is none. */
async function outcome(answer: (socket: Socket) => void, timeoutMs = never, scheme = 'http'): Promise<number | string> {
  const receiver = await startStrangeReceiver(answer);
  onTestFinished(async () => await receiver.close());
  const result = await send(`${scheme}://127.0.0.1:${receiver.port}/`, { timeoutMs }).then(
    ({ status }) => status,
    (error: unknown) => reasonOf(error),
  );
  await receiver.deserted();
  return result;
}

const late = 'its receiver did not answer in time';

describe('a receiver', () => {
  test.for<[string, string, number | string]>([
    ['that switches protocols', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello', 101],
    ['that switches protocols without naming one', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 101],
    [
      'that answers 100, 102 and 103 first',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      204,
    ],
    ['that redirects', 'HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n', 307],
    ['that speaks HTTP/0.9', '<html>hello</html>', 'its receiver sent no valid answer: it is not HTTP/1.1 (HPE_INVALID_CONSTANT)'],
    [
      'with huge headers',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`,
      'its receiver sent no valid answer: its headers are too large',
    ],
    ['whose body is longer than the sender reads', `HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(200_000)}`, 200],
  ])('%s', async ([, answer, expected]) => {
    expect(await outcome((socket) => void socket.write(answer))).toBe(expected);
  });

  test('that closes the connection without a response', async () => {
    expect(await outcome((socket) => void socket.end())).toBe('its receiver could not be reached (ECONNRESET)');
  });

  test('whose body is cut off counts with its status', async () => {
    expect(await outcome((socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx'))).toBe(200);
  });

  test('that sends endless informational responses is given up', async () => {
    expect(await outcome((socket) => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'))).toBe(
      'its receiver sent no valid answer: too many informational answers (1xx)',
    );
  });

  test('that never responds is given up at the deadline', async () => {
    expect(await outcome(() => undefined, 50)).toBe(late);
  });

  test('that never reads is given up at the deadline', async () => {
    expect(await outcome((socket) => void socket.pause(), 50)).toBe(late);
  });

  test('that sends endless headers is given up at the deadline', async () => {
    const answer = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      drip(socket, 'x');
    };
    expect(await outcome(answer, 50)).toBe(late);
  });

  test('that sends an endless body counts with its status, and is disconnected at the deadline', async () => {
    const answer = (socket: Socket): void => {
      socket.write('HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n');
      drip(socket, '1\r\nx\r\n');
    };
    // The result is `late` if the headers arrive after the deadline, as may happen on a slow machine. Then the test doubles the deadline.
    let result: number | string = late;
    for (let timeoutMs = 50; result === late; timeoutMs *= 2) result = await outcome(answer, timeoutMs);
    expect(result).toBe(503);
  });

  test('that never completes the TLS handshake is given up at the deadline', async () => {
    expect(await outcome(() => undefined, 50, 'https')).toBe(late);
  });
});

describe('the host name of a receiver', () => {
  test('on this machine is resolved by the operating system', async () => {
    const receiver = await startStrangeReceiver((socket) => void socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    onTestFinished(async () => await receiver.close());
    expect(await send(`http://localhost:${receiver.port}/`, {})).toEqual({ status: 204, retryAfterSeconds: null });
  });

  test('whose name server never answers is given up at the deadline', async () => {
    const names = await startNameServer(null);
    onTestFinished(async () => await names.close());
    const sent = send('http://hooks.example/', {
      timeoutMs: 50,
      resolve: async (host, signal) => await queryDns(host, signal, [names.address]),
    });
    await expect(sent.catch(reasonOf)).resolves.toBe(late);
  });

  test('that any other resolver never resolves is given up at the deadline', async () => {
    const sent = send('http://hooks.example/', { timeoutMs: 50, resolve: async () => await new Promise(() => undefined) });
    await expect(sent.catch(reasonOf)).resolves.toBe(late);
  });

  test('is resolved with DNS', async () => {
    const names = await startNameServer('127.0.0.1');
    const receiver = await startStrangeReceiver((socket) => void socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
    onTestFinished(async () => void (await Promise.all([names.close(), receiver.close()])));
    const resolve: SendOptions['resolve'] = async (host, signal) => await queryDns(host, signal, [names.address]);
    const url = `http://hooks.example:${receiver.port}/`;
    expect(await send(url, { resolve })).toEqual({ status: 204, retryAfterSeconds: null });
    await expect(send(url, { resolve, allowPrivate: false })).rejects.toThrow(PrivateAddressError);
  });
});

test('a stop ends an attempt at once', async () => {
  const stop = new AbortController();
  const receiver = await startStrangeReceiver(() => stop.abort(new Error('stopping')));
  onTestFinished(async () => await receiver.close());
  await expect(send(`http://127.0.0.1:${receiver.port}/`, { signal: stop.signal })).rejects.toThrow('stopping');
  await receiver.deserted();
  await expect(send(`http://127.0.0.1:${receiver.port}/`, { signal: stop.signal })).rejects.toThrow('stopping');
});
