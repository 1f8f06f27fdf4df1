// An S3 server in a separate process. Its data is in a temporary folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface S3Server {
  readonly bucket: string;
  /** The environment variables that its clients need. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startS3Server(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'trainyard-s3-'));
  const script = join(createRequire(import.meta.url).resolve('s3rver/package.json'), '../bin/s3rver.js');
  const options = ['--directory', folder, '--address', '127.0.0.1', '--port', '0', '--configure-bucket', 'artifacts'];
  const server = spawn(process.execPath, ['--no-deprecation', script, ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await portOf(server);
  server.stdout?.resume();
  return {
    bucket: 'artifacts',
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'S3RVER',
      AWS_SECRET_ACCESS_KEY: 'S3RVER',
    },
    stop: async () => {
      if (server.exitCode === null && server.signalCode === null) {
        const exited = once(server, 'exit');
        server.kill();
        await exited;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function portOf(server: ChildProcess): Promise<number> {
  if (server.stdout === null) throw new TypeError('the S3 server has no output');
  for await (const line of createInterface(server.stdout)) {
    const [, port] = /listening on .*?:(\d+)$/.exec(line) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('the S3 server ended before it listened');
}
