// Tests that a training process gets only the necessary environment variables of the worker.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestServer } from '../support/testServer.ts';
import { until } from './fixtures/processes.ts';

const read = async (id: string, file: string): Promise<string> => await readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '');

/** Returns the ids of the training processes of a worker. */
async function trainingProcessesOf(worker: number): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const isTraining = await Promise.all(
    ids.map(async (id) => {
      const stat = await read(id, 'stat');
      // The name of the program is in brackets, and may itself contain brackets and spaces. So the last bracket ends the name; the fields after
      // it are the state and the id of the parent.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      // A process that was just forked still has the command line and the environment of the worker. It does not count yet.
      return parent === worker && (await read(id, 'cmdline')).includes('trainJob');
    }),
  );
  return ids.filter((_, index) => isTraining[index]).map(Number);
}

async function environmentOf(id: number): Promise<Record<string, string>> {
  const text = await readFile(`/proc/${id}/environ`, 'utf8');
  return Object.fromEntries(
    text
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

test.skipIf(process.platform !== 'linux')(
  'a training process gets only the environment variables that it needs, and no secret',
  async ({ onTestFinished }) => {
    const home = await mkdtemp(join(tmpdir(), 'trainyard-environment-'));
    onTestFinished(async () => await rm(home, { recursive: true, force: true }));
    const server = await startTestServer({ PATH: process.env['PATH'] });
    onTestFinished(async () => await server.close());
    const secrets = {
      REDIS_URL: server.url,
      TRAINYARD_API_KEYS: `ada:user:${'0'.repeat(64)}`,
      TRAINYARD_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      AWS_SECRET_ACCESS_KEY: 'aws',
      OTEL_EXPORTER_OTLP_HEADERS: 'key=otel',
      GITHUB_TOKEN: 'github',
      DATABASE_URL: 'postgres://user:password@host',
      npm_config__authToken: 'npm',
    };
    const needed = { TMPDIR: home, HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: 'localhost' };
    const worker = fork(new URL('../../services/worker/dist/main.js', import.meta.url), {
      env: { ...secrets, ...needed, TRAINYARD_HOME: home, PATH: process.env['PATH'] },
      silent: true,
    });
    onTestFinished(async () => {
      worker.kill('SIGTERM');
      await once(worker, 'exit');
    });
    await once(worker, 'message');
    const { pid = 0 } = worker;
    let children: number[] = [];
    await until('a training process', async () => (children = await trainingProcessesOf(pid)).length > 0);
    for (const child of children) {
      const { NODE_CHANNEL_FD: _channel, NODE_CHANNEL_SERIALIZATION_MODE: _mode, ...environment } = await environmentOf(child);
      expect(environment).toEqual(needed);
    }
  },
);
