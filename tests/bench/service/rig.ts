// What the service's benchmarks measure on: a Redis process, an API process and workers as users run them, in a folder that
// goes with them. Nothing here measures.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type RunningRedis, startRedis } from '@trainyard/jobs';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Rig {
  readonly url: string;
  readonly redis: RunningRedis;
  /** Starts a worker and resolves with its process when it takes jobs; no other worker may be there. */
  startWorker(concurrency?: number): Promise<ChildProcess>;
  /** Starts a worker beside others and resolves when it has connected. */
  spawnWorker(): Promise<void>;
  close(): Promise<void>;
}

export async function startRig(): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-bench-'));
  const redis = await startRedis({ home: folder, log: () => undefined, env: process.env });
  const children: ChildProcess[] = [];
  const run = (program: string, env: NodeJS.ProcessEnv): ChildProcess => {
    const log = openSync(join(folder, 'log'), 'a');
    const child = spawn(process.execPath, [join(root, program)], {
      env: { PATH: process.env['PATH'], HOME: folder, TRAINYARD_HOME: folder, REDIS_URL: redis.url, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', log],
    });
    children.push(child);
    return child;
  };
  const url = await printed(run('services/api/dist/server.js', {}), /listening on (\S+)/);
  return {
    url,
    redis,
    startWorker: async (concurrency = 1) => {
      const worker = run('services/worker/dist/main.js', { TRAINYARD_CONCURRENCY: String(concurrency) });
      // A job that has been trained says that the worker is there and warm.
      const tutorial = await readTutorial();
      const id = await submit(url, { ...tutorial, epochs: 1 });
      await ended(url, id);
      return worker;
    },
    spawnWorker: async () => {
      const workers = async (): Promise<number> => ((await (await fetch(`${url}/workers`)).json()) as { data: unknown[] }).data.length;
      const before = await workers();
      run('services/worker/dist/main.js', {});
      while ((await workers()) === before) await pause(50);
    },
    close: async () => {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          child.kill('SIGTERM');
          await once(child, 'exit');
        }),
      );
      await redis.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function readTutorial(): Promise<Record<string, unknown>> {
  const { default: spec } = (await import('../../../docs/examples/tutorial.json', { with: { type: 'json' } })) as {
    default: Record<string, unknown>;
  };
  return spec;
}

/** Posts a job; its id. */
export async function submit(url: string, spec: unknown): Promise<string> {
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(spec),
  });
  if (response.status !== 202) throw new Error(`the job was answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

/** Resolves with the events of a job's stream, as text, once `pattern` is among them. */
export async function heard(url: string, id: string, pattern: RegExp): Promise<string> {
  const controller = new AbortController();
  const response = await fetch(`${url}/jobs/${id}/events`, { headers: { accept: 'text/event-stream' }, signal: controller.signal });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (pattern.test(text)) break;
  }
  controller.abort();
  return text;
}

/** Resolves when the job has succeeded. */
export async function ended(url: string, id: string): Promise<void> {
  const text = await heard(url, id, /"status":"(succeeded|failed|cancelled)"/);
  if (!text.includes('"status":"succeeded"')) throw new Error(`${id} did not succeed: ${text}`);
}

/** Runs one of this folder's programs in a process of its own; its one answer. */
export async function elsewhere<Answer>(program: string, args: readonly string[]): Promise<Answer> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), [...args]);
  const exit = once(child, 'exit').then(() => {
    throw new Error(`${program} ended without an answer`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), exit])) as [Answer];
  exit.catch(() => undefined);
  return answer;
}

async function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) {
      child.stdout?.resume();
      return found;
    }
  }
  throw new Error('the process ended before it was ready');
}
