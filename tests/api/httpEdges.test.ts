// Requests at the edges of HTTP: encodings, expectations, targets and methods that few clients send.
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { problemSchema } from '@trainyard/contracts';
import { describe, expect } from 'vitest';
import { apiTest as test, type TestApi } from './fixtures/api.ts';
import { formBody, formType } from './fixtures/forms.ts';
import { tutorial } from './fixtures/spec.ts';

/** Sends bytes as they are and gives the answer once the server has ended the connection. */
async function exchange(api: TestApi, bytes: string): Promise<{ readonly head: string; readonly body: string }> {
  const { port, hostname } = new URL(await api.listen());
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.write(bytes);
  await once(socket, 'close');
  const end = answer.indexOf('\r\n\r\n');
  return { head: answer.slice(0, end), body: answer.slice(end + 4) };
}

const request = (line: string, ...headers: readonly string[]): string =>
  `${[line, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`;

describe('a compressed body', () => {
  const spec = gzipSync(JSON.stringify(tutorial));
  const form = gzipSync(formBody([{ name: 'file', content: 'a,b\n1,2\n', filename: 'a.csv' }]));
  test.for([
    ['/jobs', 'gzip', 'application/json', spec],
    ['/jobs', 'GZIP', 'application/json', spec],
    ['/jobs', 'br', 'application/json', spec],
    ['/jobs', 'gzip, identity', 'application/json', spec],
    ['/sweeps', 'deflate', 'application/json', spec],
    ['/datasets', 'gzip', formType, form],
    ['/weights', 'zstd', 'application/octet-stream', spec],
    ['/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5/predict', 'gzip', 'image/png', spec],
  ] as const)('is a 415 of %s that says which encodings are taken: %s', async ([url, encoding, type, payload], { api }) => {
    const headers = { 'content-type': type, 'content-encoding': encoding };
    const response = await api.call({ method: 'POST', url, headers, payload: Buffer.from(payload) });
    expect([response.statusCode, response.headers['accept-encoding']]).toEqual([415, 'identity']);
    expect(problemSchema.parse(response.json())).toMatchObject({ code: 'unsupportedMediaType' });
  });

  test('may say that it is not compressed', async ({ api }) => {
    expect((await api.post('/jobs', tutorial, { 'content-encoding': 'identity' })).statusCode).toBe(202);
  });
});

describe('JSON', () => {
  const send = async (api: TestApi, type: string, payload: string) =>
    await api.call({ method: 'POST', url: '/jobs', headers: { 'content-type': type }, payload });

  test.for(['application/json;charset=utf-8', 'application/json; charset="UTF-8"', 'application/json; charset=utf8'])(
    'is taken as %s',
    async (type, { api }) => expect((await send(api, type, JSON.stringify(tutorial))).statusCode).toBe(202),
  );

  test.for(['application/json; charset=latin1', 'application/json; charset=utf-16'])('is a 415 as %s', async (type, { api }) => {
    const response = await send(api, type, JSON.stringify(tutorial));
    expect(response.statusCode).toBe(415);
    expect(problemSchema.parse(response.json()).detail).toMatch(/UTF-8/);
  });

  test('may begin with a byte order mark', async ({ api }) => {
    expect((await send(api, 'application/json', `\uFEFF${JSON.stringify(tutorial)}`)).statusCode).toBe(202);
  });
});

describe('Expect', () => {
  test('100-continue is answered before the body is sent', async ({ api }) => {
    const body = JSON.stringify(tutorial);
    const { port, hostname } = new URL(await api.listen());
    const socket = connect(Number(port), hostname);
    const headers = ['Content-Type: application/json', `Content-Length: ${body.length}`, 'Expect: 100-continue'];
    let answer = '';
    socket.setEncoding('utf8');
    socket.write(request('POST /jobs HTTP/1.1', ...headers));
    const [first] = (await once(socket, 'data')) as [string];
    expect(first).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.on('data', (text: string) => (answer += text));
    socket.write(body);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 202 /);
  });

  test('anything else is a 417, as a problem', async ({ api }) => {
    const { head, body } = await exchange(api, request('GET /jobs HTTP/1.1', 'Expect: foo', 'x-request-id: mine'));
    expect(head).toMatch(/^HTTP\/1.1 417 /);
    expect(head).toMatch(/content-type: application\/problem\+json/);
    expect(problemSchema.parse(JSON.parse(body))).toMatchObject({ status: 417, code: 'expectationFailed', requestId: 'mine' });
  });
});

describe('a request line', () => {
  test.for([
    ['GET http://localhost/health/live HTTP/1.1', 200],
    ['GET http://LOCALHOST:3000?x HTTP/1.1', 200],
    ['GET http://evil.example/health/live HTTP/1.1', 403],
    ['GET //jobs HTTP/1.1', 404],
    ['GET /jobs/ HTTP/1.1', 404],
    ['GET /jobs/%zz HTTP/1.1', 404],
    ['GET /jobs?limit=1&limit=2 HTTP/1.1', 422],
    ['TRACE /jobs HTTP/1.1', 405],
    ['OPTIONS * HTTP/1.1', 405],
    ['CONNECT jobs.example.com:443 HTTP/1.1', 405],
    ['GET jobs HTTP/1.1', 400],
    ['get /jobs HTTP/1.1', 400],
    ['GET /jobs HTTP/4.0', 400],
    [`GET /jobs?after=${'x'.repeat(9_000)} HTTP/1.1`, 414],
    [`GET /jobs?after=${'x'.repeat(20_000)} HTTP/1.1`, 414],
  ] as const)('%s is answered %s', async ([line, status], { api }) => {
    const { head, body } = await exchange(api, request(line));
    expect(head.split('\r\n', 1)[0]).toContain(` ${status} `);
    if (status === 200) return;
    expect(head).toMatch(/content-type: application\/problem\+json/);
    expect(head).toMatch(/x-request-id: \S+/);
    expect(problemSchema.parse(JSON.parse(body)).status).toBe(status);
    if (status === 405) expect(head).toMatch(/allow: [A-Z, ]+/);
  });

  test('without a Host is refused', async ({ api }) => {
    expect((await exchange(api, 'GET /jobs HTTP/1.1\r\nConnection: close\r\n\r\n')).head).toMatch(/^HTTP\/1.1 400 /);
  });

  test('for HEAD is answered with the headers of GET and no body', async ({ api }) => {
    const [get, head] = [await api.get('/catalog'), await api.call({ method: 'HEAD', url: '/catalog' })];
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, get.headers['content-length'], '']);
  });
});
