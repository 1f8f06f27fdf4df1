// The API's process: how it starts, what it refuses to start with, what it writes, and that a signal ends it at once
// and in order, whoever is still listening.
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { once } from 'node:events';
import type { Job } from '@trainyard/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStream } from './fixtures/eventSource.ts';
import { bearer, makeKey } from './fixtures/keys.ts';
import { startRedisProxy } from './fixtures/redisProxy.ts';
import { type Home, openHome, type ServerProcess, startServer } from './fixtures/serverProcess.ts';
import { tutorial } from './fixtures/spec.ts';

let home: Home;
beforeAll(async () => {
  home = await openHome();
});
afterAll(async () => await home.close());

function start(env: Readonly<Record<string, string>> = {}): ServerProcess {
  return startServer({ REDIS_URL: home.redis.url, TRAINYARD_HOME: home.folder, ...env });
}

async function makeJob(url: string, headers: Record<string, string> = {}): Promise<Job> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(tutorial),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as Job;
}

describe('a stop', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)('by %s ends open streams in order, and the process with 0', async (signal) => {
    const server = start();
    const url = await server.ready();
    const { id } = await makeJob(url);
    const clients = await Promise.all(Array.from({ length: 5 }, async () => await openStream(`${url}/jobs/${id}/events`)));
    await Promise.all(clients.map(async (client) => await client.until(() => client.events.length === 1)));

    server.child.kill(signal);
    await Promise.all(clients.map(async (client) => await client.ended()));
    expect(await server.exit).toBe(0);
    expect(await server.stdout).toBe(`listening on ${url}\n`);
  });

  test('lets a request that has begun finish', async () => {
    const server = start();
    const url = new URL(await server.ready());
    const socket = connect(Number(url.port), url.hostname).setEncoding('utf8');
    let answer = '';
    socket.on('data', (chunk: string) => (answer += chunk));
    const body = JSON.stringify(tutorial);
    const head = `POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`;
    socket.write(head);
    // The interim answer says that the request has begun.
    await once(socket, 'data');
    server.child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url.origin}/health/live`).catch(() => null))?.headers.get('connection')).toBe('close');
    socket.write(body);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 202 /);
    expect(await server.exit).toBe(0);
  });

  test('does not wait for connections that are kept open, or for a client that does not read', async () => {
    const server = start();
    const url = new URL(await server.ready());
    const { id } = await makeJob(url.origin);
    const idle = connect(Number(url.port), url.hostname);
    const stuck = connect(Number(url.port), url.hostname).pause();
    idle.on('error', () => undefined);
    stuck.on('error', () => undefined);
    stuck.write(`GET /jobs/${id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    idle.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(idle, 'data');
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
    idle.destroy();
    stuck.destroy();
  });
});

test.for(['cut', 'freeze'] as const)('a stop comes to its end in order after a %s of the connections to Redis', async (how) => {
  const proxy = await startRedisProxy(home.redis.url);
  const server = start({ REDIS_URL: proxy.url });
  await makeJob(await server.ready());
  await proxy[how]();
  server.child.kill('SIGTERM');
  expect(await server.exit).toBe(0);
  await proxy.close();
});

describe('a start', () => {
  const refused = async (env: Readonly<Record<string, string>>): Promise<string> => {
    const server = start(env);
    expect(await server.exit).toBe(1);
    expect(await server.stdout).toBe('');
    const stderr = await server.stderr;
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    return stderr;
  };

  test.for(['0.0.0.0', '::', '192.168.1.1'])('with HOST %s is refused without keys, in one line that says what to do', async (host) => {
    expect(await refused({ HOST: host })).toMatch(/^HOST: .*npm run key -- NAME.*TRAINYARD_API_KEYS.*\n$/);
  });

  test('with HOST 0.0.0.0 is fine with a key', async () => {
    const key = makeKey('ada');
    const server = start({ HOST: '0.0.0.0', TRAINYARD_API_KEYS: key.entry });
    const { port } = new URL(await server.ready());
    const call = async (headers: Record<string, string>) => (await fetch(`http://127.0.0.1:${port}/jobs`, { headers })).status;
    expect([await call({}), await call(bearer(key))]).toEqual([401, 200]);
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
  });

  test('with quotas in its environment holds keys to them', async () => {
    const key = makeKey('grace');
    const server = start({ TRAINYARD_API_KEYS: key.entry, TRAINYARD_QUOTA_QUEUED_JOBS: '1', TRAINYARD_QUOTA_STORAGE_BYTES: '1e6' });
    const url = await server.ready();
    await makeJob(url, bearer(key));
    const headers = { 'content-type': 'application/json', ...bearer(key) };
    expect((await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(tutorial) })).status).toBe(429);
    const quotas: unknown = await (await fetch(`${url}/quotas`, { headers: bearer(key) })).json();
    expect(quotas).toMatchObject({ queuedJobs: { limit: 1, used: 1 }, storageBytes: { limit: 1e6 }, trainingSeconds: { limit: null } });
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
  });

  test('without REDIS_URL is refused with the remedy', async () => {
    expect(await refused({ REDIS_URL: '' })).toMatch(/^REDIS_URL: .*npm start/);
  });

  test('with a variable that cannot be used is refused by its name', async () => {
    expect(await refused({ PORT: 'http' })).toMatch(/^PORT: .*"http"/);
  });

  test('on a port that is taken is refused', async () => {
    const first = start();
    const { port } = new URL(await first.ready());
    expect(await refused({ PORT: port })).toMatch(new RegExp(`EADDRINUSE.*${port}`));
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(0);
  });

  test('does not need Redis to be there yet, nor does a stop, and the log tells of it once', async () => {
    const server = start({ REDIS_URL: 'redis://127.0.0.1:1' });
    const url = await server.ready();
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    server.child.kill('SIGTERM');
    expect(await server.exit).toBe(0);
    expect((await server.stderr).match(/ECONNREFUSED.*?Redis does not answer/g)).toHaveLength(1);
    expect((await server.stderr).match(/"connect ECONNREFUSED/g)).toHaveLength(1);
  });
});

test('the log is one JSON object a line, names request and job, and holds no key', async () => {
  const key = makeKey('ada');
  const server = start({ TRAINYARD_API_KEYS: key.entry });
  const url = await server.ready();
  const { id } = await makeJob(url, { ...bearer(key), 'x-request-id': 'the-request' });
  await fetch(`${url}/jobs/${id}?key=${key.token}`, { headers: bearer(key) });
  server.child.kill('SIGTERM');
  expect(await server.exit).toBe(0);
  const log = await server.stderr;
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(
    expect.objectContaining({ reqId: 'the-request', jobId: id, caller: 'ada', method: 'POST', path: '/jobs', status: 202 }),
  );
  expect(log).not.toContain(key.token);
});

describe('folders that cannot be written to', () => {
  test.for([
    ['TRAINYARD_HOME', (file: string) => ({ TRAINYARD_HOME: join(file, 'home') })],
    ['ARTIFACTS_URL', (file: string) => ({ ARTIFACTS_URL: pathToFileURL(join(file, 'artifacts')).href })],
  ] as const)('are refused at the start, in one line that names %s', async ([variable, env]) => {
    const file = join(home.folder, 'a-file');
    await writeFile(file, '');
    const server = start(env(file));
    expect(await server.exit).toBe(1);
    const stderr = await server.stderr;
    expect(stderr).toMatch(new RegExp(`^${variable}: cannot write to .*a-file/.*: a part of its path is a file\\..*\\n$`));
  });
});
