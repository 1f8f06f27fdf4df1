// Tests clients that continue to send a body after the response. They get the response, and their connection is closed.
import { connect, type Socket } from 'node:net';
import { parseApiKeys } from '@trainyard/jobs';
import { expect } from 'vitest';
import { redisTest } from '../support/redis.ts';
import { openApi, type TestApiOptions } from './fixtures/api.ts';
import { formType } from './fixtures/forms.ts';
import { bearer, makeKey } from './fixtures/keys.ts';

const key = makeKey('ada');

const test = redisTest.extend('connected', async ({ redis }, { onCleanup }) => {
  const closers: (() => Promise<void>)[] = [];
  onCleanup(async () => void (await Promise.all(closers.map(async (close) => await close()))));
  return async (options: TestApiOptions = {}): Promise<Socket> => {
    const api = await openApi(redis, { apiKeys: parseApiKeys(key.entry), ...options });
    closers.push(async () => await api.close());
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(await api.listen()).port), allowHalfOpen: true });
    closers.push(async () => void socket.destroy());
    return socket;
  };
});

/** Sends a few bytes every 20 ms until the connection is closed. Returns the response. */
async function drip(socket: Socket, head: string): Promise<string> {
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  socket.write(`${head}\r\n\r\n`);
  const timer = setInterval(() => socket.write('1\r\n{\r\n'), 20);
  // Does not use `once` of `node:events`, which would reject at the expected error of a write to a closed connection.
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  return answer;
}

const { authorization } = bearer(key);
const json = 'content-type: application/json';
const chunked = 'transfer-encoding: chunked';

test.for([
  [401, 'POST /jobs HTTP/1.1', [json, chunked]],
  [401, 'POST /jobs HTTP/1.1', [json, 'content-length: 100000']],
  [401, 'POST /datasets HTTP/1.1', [`content-type: ${formType}`, chunked]],
  [404, 'POST /nowhere HTTP/1.1', [json, chunked, `authorization: ${authorization}`]],
  [404, 'POST /jobs/%E0%A4%A HTTP/1.1', [json, chunked]],
  [405, 'PUT /jobs HTTP/1.1', [json, chunked, `authorization: ${authorization}`]],
  [405, 'PUT /jobs HTTP/1.1', [json, 'content-length: 2000000', `authorization: ${authorization}`]],
  [405, 'PROPFIND /jobs HTTP/1.1', [json, 'content-length: 2000000', `authorization: ${authorization}`]],
  [413, 'POST /jobs HTTP/1.1', [json, 'content-length: 2000000', `authorization: ${authorization}`]],
  [
    413,
    'POST /weights HTTP/1.1',
    ['content-type: application/octet-stream', 'content-length: 20000000', `authorization: ${authorization}`],
  ],
  [415, 'POST /jobs HTTP/1.1', ['content-type: text/plain', chunked, `authorization: ${authorization}`]],
  [417, 'POST /jobs HTTP/1.1', [json, chunked, `authorization: ${authorization}`, 'expect: miracles']],
  [200, 'GET /health/live HTTP/1.1', [json, chunked]],
  [400, 'GET /health/live HTTP/1.1', ['content-length: 1', 'content-length: 2']],
  [431, 'GET /health/live HTTP/1.1', [`x: ${'y'.repeat(20_000)}`]],
] as const)(
  'a client that continues to send gets a %i, and its connection is closed: %s',
  async ([status, line, headers], { connected }) => {
    const answer = await drip(await connected(), [line, 'host: localhost', ...headers].join('\r\n'));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toMatch(/\}$/);
  },
);

test('a refused request whose body has arrived leaves the connection open for the next one', async ({ connected }) => {
  const socket = await connected();
  let answers = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answers += text));
  const request = `POST /jobs HTTP/1.1\r\nhost: localhost\r\n${json}\r\ncontent-length: 2\r\n\r\n{}`;
  socket.write(request);
  await expect.poll(() => answers).toMatch(/HTTP\/1\.1 401 [^]*\}$/);
  answers = '';
  socket.write(request);
  await expect.poll(() => answers).toMatch(/HTTP\/1\.1 401 [^]*\}$/);
  expect(answers.toLowerCase()).toContain('connection: keep-alive');
});
