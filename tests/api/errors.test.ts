// Every error answer is problem details (RFC 9457) with a request id, whoever refused the request: a route, fastify, or
// node's HTTP parser.
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Problem, problemSchema } from '@trainyard/contracts';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { describe, expect } from 'vitest';
import { apiTest as test } from './fixtures/api.ts';
import { tutorial } from './fixtures/spec.ts';

const anyJob = '/jobs/job_01KAS5X3Y8Q2W4T6V8Z0B1C3D5';

function expectProblem(response: LightMyRequestResponse, status: number, code: string): Problem {
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toBe('application/problem+json');
  const problem = problemSchema.parse(response.json());
  expect(problem).toMatchObject({ status, code, requestId: response.headers['x-request-id'] });
  return problem;
}

function json(body: string): InjectOptions {
  return { method: 'POST', url: '/jobs', payload: body, headers: { 'content-type': 'application/json' } };
}

test.for([
  ['/jobs?after=x', {}, '?after', 'must be the id of a job, such as job_'],
  ['/sweeps?after=x', {}, '?after', 'must be the id of a sweep, such as sweep_'],
  [`ANY/events?after=x`, {}, '?after', 'must be the id of an event, such as 17'],
  [`ANY/events`, { 'last-event-id': 'x' }, 'last-event-id', 'must be the id of an event, such as 17'],
] as const)('what cannot be an id is a 422 of %s that shows one', async ([path, headers, place, message], { api }) => {
  const { id } = (await api.post('/jobs', tutorial)).json<{ id: string }>();
  const response = await api.get(path.replace('ANY', `/jobs/${id}`), headers);
  expect(expectProblem(response, 422, 'invalidRequest').errors).toEqual([
    { path: place, message: expect.stringContaining(message) as string, code: 'invalidFormat' },
  ]);
});

describe('a body', () => {
  test.for([
    ['that is no JSON', '{"epochs": 1', /JSON/],
    ['that is empty', '', /empty/],
    ['with a key twice', '{"epochs": 1, "data": {"a": [{"b": 1}], "b": 2, "b": 3}}', /"b" twice/],
    ['with a key twice, once escaped', '{"epochs": 1, "epoch\\u0073": 2}', /"epochs" twice/],
    ['with __proto__', '{"__proto__": {"isAdmin": true}}', /__proto__/],
    ['with __proto__ written as escapes', '{"\\u005f_proto__": 1}', /__proto__/],
    ['that nests a thousand levels', `${'['.repeat(1_000)}${']'.repeat(1_000)}`, /nests/],
    ['that nests half a million levels', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, /nests/],
  ] as const)('%s is a 400', async ([, body, detail], { api }) => {
    expect(expectProblem(await api.call(json(body)), 400, 'malformedJson').detail).toMatch(detail);
  });

  test.for(['/jobs', '/sweeps', `${anyJob}/predict`])('that is empty is a 400 of %s', async (path, { api }) => {
    const { id } = (await api.post('/jobs', tutorial)).json<{ id: string }>();
    const url = path.replace(anyJob, `/jobs/${id}`);
    const response = await api.call({ method: 'POST', url, headers: { 'content-type': 'application/json' } });
    expect(expectProblem(response, 400, 'malformedJson').detail).toMatch(/^The body is empty/);
  });

  test('that is not UTF-8 is a 400', async ({ api }) => {
    const response = await api.call({ ...json(''), payload: Buffer.from('{"name": "\xff"}', 'latin1') });
    expect(expectProblem(response, 400, 'malformedJson').detail).toMatch(/UTF-8/);
  });

  test('may use one key in several objects, and brackets and quotes in texts', async ({ api }) => {
    const response = await api.post('/jobs', { ...tutorial, name: '"{[,:]}\\"', labels: { name: '{"name": 1}', epochs: '"epochs"' } });
    expect(response.statusCode).toBe(202);
    expect(response.json()).toMatchObject({ name: '"{[,:]}\\"', labels: { name: '{"name": 1}', epochs: '"epochs"' } });
  });

  test.for([
    'null',
    '17',
    '"spec"',
    '[]',
    'true',
    '{}',
    '{"constructor": {"prototype": 1}}',
    '{"toString": 1}',
    `[${'0,'.repeat(300_000)}0]`,
  ])('that is JSON but no spec is a 422: %s', async (body, { api }) => {
    expect(expectProblem(await api.call(json(body)), 422, 'invalidSpec').errors?.length).toBeGreaterThan(0);
  });

  test('over 1 MiB is a 413 that says the limit', async ({ api }) => {
    const response = await api.call(json(JSON.stringify({ ...tutorial, name: 'x'.repeat(1024 * 1024) })));
    expect(expectProblem(response, 413, 'bodyTooLarge').detail).toMatch(/1048576/);
  });

  test.for(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense'])(
    'of type %s is a 415',
    async (type, { api }) => {
      const response = await api.call({ ...json(JSON.stringify(tutorial)), headers: { 'content-type': type } });
      expect(expectProblem(response, 415, 'unsupportedMediaType').detail).toMatch(/application\/json/);
    },
  );

  test('without a type is a 415', async ({ api }) => {
    const url = await api.listen();
    const response = await fetch(`${url}/jobs`, { method: 'POST', body: new Uint8Array([123, 125]) });
    expect(response.status).toBe(415);
    expect(problemSchema.parse(await response.json()).code).toBe('unsupportedMediaType');
  });
});

describe('a path', () => {
  test.for([
    '/nothing',
    '/metric',
    '/Jobs',
    '/jobs//',
    '/openapi.yaml',
    `${anyJob}/stop`,
    `${anyJob}/artifacts/train.py`,
    `${anyJob}/artifacts`,
    '/%',
  ])('that is not there is a 404: %s', async (url, { api }) => {
    expect(expectProblem(await api.get(url), 404, 'notFound').instance).toBe(url);
  });

  test.for([
    ['DELETE', '/jobs', 'GET, HEAD, POST'],
    ['PUT', '/jobs', 'GET, HEAD, POST'],
    ['PUT', anyJob, 'DELETE, GET, HEAD, PATCH'],
    ['GET', `${anyJob}/cancel`, 'POST'],
    ['HEAD', `${anyJob}/events`, 'GET'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['OPTIONS', '/catalog', 'GET, HEAD'],
    ['PROPFIND', '/jobs', 'GET, HEAD, POST'],
    ['PATCH', '/docs/', 'GET, HEAD'],
    ['LOCK', `${anyJob}/cancel`, 'POST'],
    ['PUT', '/jobs?limit=%zz&x=/', 'GET, HEAD, POST'],
    ['DELETE', '/%6Aobs', 'GET, HEAD, POST'],
  ] as const)('answers %s %s with 405 and Allow: %s', async ([method, url, allow], { api }) => {
    const response = await api.call({ method, url });
    expect(response.statusCode).toBe(405);
    expect(response.headers['allow']).toBe(allow);
    if (method !== 'HEAD') expectProblem(response, 405, 'methodNotAllowed');
  });

  test('answers 405 before it looks at a body', async ({ api }) => {
    const response = await api.call({ method: 'PUT', url: '/jobs', payload: '{', headers: { 'content-type': 'application/json' } });
    expectProblem(response, 405, 'methodNotAllowed');
  });

  test('answers 406 when no representation is accepted', async ({ api }) => {
    for (const path of ['events', 'metrics']) {
      expectProblem(await api.get(`${anyJob}/${path}`, { accept: 'image/png' }), 406, 'notAcceptable');
      expectProblem(await api.get(`${anyJob}/${path}`, { accept: 'application/json;q=0' }), 406, 'notAcceptable');
    }
  });
});

describe('a request id', () => {
  test('is made for every answer', async ({ api }) => {
    const ids = await Promise.all(['/', '/nothing', '/jobs', '/catalog'].map(async (url) => (await api.get(url)).headers['x-request-id']));
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(4);
  });

  test('is taken over from the caller', async ({ api }) => {
    const response = await api.get('/nothing', { 'x-request-id': 'from:me_1.2-3' });
    expect(response.headers['x-request-id']).toBe('from:me_1.2-3');
    expectProblem(response, 404, 'notFound');
  });

  test.for(['', 'with space', 'x'.repeat(129), 'quote"', 'ünicode'])('is not taken over if it is not one: %s', async (id, { api }) => {
    expect((await api.get('/', { 'x-request-id': id })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('bytes that are no request', () => {
  test.for([
    ['garbage', 'GARBAGE\r\n\r\n', 400, 'badRequest'],
    ['two lengths', 'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400, 'badRequest'],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'badRequest'],
    ['a Host that is none', 'GET /docs HTTP/1.1\r\nHost: 999.999.999.999\r\nConnection: close\r\n\r\n', 400, 'badRequest'],
    ['headers of 20 KiB', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headersTooLarge'],
  ] as const)('get a problem and a request id: %s', async ([, bytes, status, code], { api }) => {
    const { port, hostname } = new URL(await api.listen());
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.write(bytes);
    await once(socket, 'close');
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/content-type: application\/problem\+json/i);
    expect(head).toMatch(/x-request-id: [0-9a-f-]{36}/i);
    expect(problemSchema.parse(JSON.parse(body))).toMatchObject({ status, code });
  });
});
