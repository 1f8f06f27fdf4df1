// The composed service, built and brought up for real: guarded by a key with a quota, with two workers, one of which is killed while
// it trains, with two threads.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventPage, type Job, jobSchema } from '@trainyard/contracts';
import { createApiKey } from '@trainyard/jobs';
import { test as baseTest, expect } from 'vitest';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Composed {
  readonly url: string;
  readonly token: string;
  /** Runs `docker compose` on this test's project and returns what it printed. */
  readonly compose: (...args: string[]) => Promise<string>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port');
  return address.port;
}

const test = baseTest.extend('composed', async ({ task: _task }, { onCleanup }): Promise<Composed> => {
  const project = `trainyard-test-${randomUUID()}`;
  const port = await freePort();
  const { token, entry } = createApiKey('tester', 'user');
  const env = { ...process.env, PORT: String(port), TRAINYARD_API_KEYS: entry, TRAINYARD_THREADS: '2', TRAINYARD_QUOTA_QUEUED_JOBS: '1' };
  const compose = async (...args: string[]): Promise<string> => {
    const command = ['compose', '--project-name', project, '--env-file', '/dev/null', ...args];
    return (await run('docker', command, { cwd: root, env, maxBuffer: 1 << 26 })).stdout;
  };
  onCleanup(async () => void (await compose('down', '--volumes', '--rmi', 'local')));
  await compose('up', '--build', '--detach', '--wait', '--scale', 'worker=2');
  return { url: `http://127.0.0.1:${port}`, token, compose };
});

test('trains a job in containers, also when the worker that has it is killed, and lets nobody in without a key', async ({ composed }) => {
  const { url, token, compose } = composed;
  expect((await fetch(`${url}/jobs`)).status).toBe(401);

  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const spec = JSON.parse(await readFile(new URL('../../docs/examples/lenet-digits.json', import.meta.url), 'utf8')) as object;
  const posted = await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(spec) });
  const { id } = jobSchema.parse(await posted.json());
  expect((await fetch(`${url}/jobs`, { method: 'POST', headers, body: JSON.stringify(spec) })).status).toBe(429);
  const job = async (): Promise<Job> => jobSchema.parse(await (await fetch(`${url}/jobs/${id}`, { headers })).json());

  await until(async () => (await job()).progress.epoch === 2);
  // A worker is named after its host, which in a container is the container's id.
  const [container = ''] = ((await job()).worker ?? '').split('-');
  await run('docker', ['kill', container]);
  await until(async () => (await job()).finishedAt !== null);

  const { status, attempts, result, spec: stored } = await job();
  expect({ status, attempts, threads: stored.threads }).toEqual({ status: 'succeeded', attempts: 2, threads: 2 });
  // Those of the demo, which nobody disturbs and one thread trains.
  expect(await readFile(join(root, 'README.md'), 'utf8')).toContain(result?.weightsSha256 ?? 'no hash');
  const { data } = eventPage.parse(await (await fetch(`${url}/jobs/${id}/events?type=epoch`, { headers })).json());
  expect(data.map((event) => (event.event === 'epoch' ? event.data.epoch : null))).toEqual([1, 2, 3, 4]);
  const weights = await fetch(`${url}/jobs/${id}/artifacts/model.safetensors`, { headers });
  expect(weights.status).toBe(200);
  await weights.body?.cancel();
  for (const service of ['redis', 'api', 'worker']) expect(await compose('exec', '-T', service, 'id', '-u')).not.toBe('0\n');
});
