// A separate `redis-server` process that a test can configure, restart, freeze and stop. If `redis-server` is not installed, such tests are
// skipped: `test.skipIf(!hasRedisServer)`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '@trainyard/jobs';
import { Redis } from 'ioredis';
import { until } from './until.ts';

const program = findOnPath('redis-server', process.env['PATH'] ?? '');

export const hasRedisServer = program !== null;

export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;
  #admin: Redis | null = null;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#args = args;
  }

  /** Starts a server on a free local port. @param args additional settings, such as `--databases 4` */
  static async start(...args: readonly string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-redis-'));
    const server = new RedisServer(await freePort(), folder, args);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Kills the server if it runs, and starts it again with the same port and folder. */
  async restart(...more: readonly string[]): Promise<void> {
    await this.kill();
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', ...this.#args, ...more];
    this.#child = spawn(program ?? 'redis-server', args, { stdio: 'ignore' });
    this.#admin = new Redis(this.port, '127.0.0.1', { retryStrategy: () => 20, maxRetriesPerRequest: null, enableReadyCheck: false });
    this.#admin.on('error', () => undefined);
    await until(async () => await this.call('TIME').then(Boolean, (error: Error) => /LOADING|NOAUTH|MASTERDOWN/.test(error.message)));
  }

  /** Sends a command with the rights of the administrator. */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    if (this.#admin === null) throw new Error('the server does not run');
    return await this.#admin.call(command, ...args);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.#admin?.disconnect();
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
