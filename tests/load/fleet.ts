// The service for `npm run load` and `npm run shares`: a Redis, API processes and workers as users run them, in a temporary folder. This file
// starts and stops the processes, measures their memory, and checks that they leave nothing behind. Other files send the requests.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type RunningRedis, startRedis } from '@trainyard/jobs';
import { processesWith } from '../support/markedProcesses.ts';
import { liveHeapBytes } from './memory.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The environment variable that identifies all processes of the run. */
const markName = 'LOAD_RUN';

export interface FleetOptions {
  readonly apis: number;
  readonly workers: number;
  /** Additional environment variables of all processes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The `maxmemory` of the private Redis. Default: the default of `startRedis`. */
  readonly redisMemoryBytes?: number;
}

export class Fleet {
  readonly redis: RunningRedis;
  readonly folder: string;
  readonly urls: string[] = [];
  readonly #mark = randomUUID();
  readonly #processes: { readonly name: string; readonly child: ChildProcess }[] = [];

  readonly #settings: Readonly<Record<string, string>>;

  private constructor(redis: RunningRedis, folder: string, settings: Readonly<Record<string, string>>) {
    this.redis = redis;
    this.folder = folder;
    this.#settings = settings;
  }

  /** Starts all processes. Resolves when every API process listens; workers are ready soon after. */
  static async start({ apis, workers, settings = {}, redisMemoryBytes }: FleetOptions): Promise<Fleet> {
    const folder = await mkdtemp(join(tmpdir(), 'trainyard-load-'));
    await mkdir(join(folder, 'tmp'));
    const memory = redisMemoryBytes === undefined ? {} : { memoryBytes: redisMemoryBytes };
    const redis = await startRedis({ home: folder, log: () => undefined, env: { PATH: process.env['PATH'] }, ...memory });
    const fleet = new Fleet(redis, folder, settings);
    const starting = Array.from({ length: apis }, async (_, index) => await fleet.#startApi(`api-${index + 1}`, '0'));
    for (let worker = 1; worker <= workers; worker++) fleet.#run(`worker-${worker}`, {}, 'services/worker/dist/main.js');
    fleet.urls.push(...(await Promise.all(starting)));
    return fleet;
  }

  /** Stops an API process with SIGTERM and starts another one at the same address. */
  async restartApi(index: number): Promise<void> {
    const name = `api-${index + 1}`;
    const at = this.#processes.findIndex((process) => process.name === name);
    const [{ child } = { child: null }] = this.#processes.splice(at, 1);
    child?.kill('SIGTERM');
    if (child !== null && child.exitCode === null) await once(child, 'exit');
    if (child?.exitCode !== 0) throw new Error(`${name} ended with ${child?.exitCode ?? child?.signalCode} when it was restarted`);
    await this.#startApi(name, new URL(this.urls[index] ?? '').port);
  }

  /** Starts an API process. Resolves with its address when it listens. */
  async #startApi(name: string, port: string): Promise<string> {
    const child = this.#run(name, { PORT: port }, '--inspect=127.0.0.1:0', 'services/api/dist/server.js');
    for await (const line of createInterface({ input: child.stdout ?? Readable.from([]) })) {
      const url = /^listening on (\S+)$/.exec(line)?.[1];
      if (url !== undefined) return url;
    }
    throw new Error(`an API process ended at its start:\n${readFileSync(this.#logOf(name), 'utf8')}`);
  }

  /** Measures the memory of each API process; see memory.ts. */
  async liveHeaps(): Promise<number[]> {
    const apis = this.#processes.filter(({ name }) => name.startsWith('api')).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return await Promise.all(
      apis.map(async ({ name }) => {
        const log = await readFile(this.#logOf(name), 'utf8');
        // The log of a restarted process contains several addresses; the last one is current.
        return await liveHeapBytes([...log.matchAll(/^Debugger listening on (ws:\S+)$/gm)].at(-1)?.[1] ?? '');
      }),
    );
  }

  get artifacts(): string {
    return join(this.folder, 'artifacts');
  }

  /** Stops all processes except Redis with SIGTERM. @returns the faults, including processes that still run */
  async stop(): Promise<string[]> {
    const faults: string[] = [];
    const ends = this.#processes.map(async ({ name, child }) => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      if (child.exitCode !== 0) faults.push(`${name} ended with ${child.exitCode ?? child.signalCode}`);
      faults.push(...this.#errorsOf(name));
    });
    await Promise.all(ends);
    const left = processesWith(`${markName}=${this.#mark}`);
    if (left.length > 0) faults.push(`${left.length} processes are left: ${left.join(', ')}`);
    for (const place of ['tmp', join('artifacts', '.unfinished')]) {
      const files = await readdir(join(this.folder, place));
      if (files.length > 0) faults.push(`${place} still holds ${files.slice(0, 5).join(', ')}`);
    }
    return faults;
  }

  /** Stops Redis and removes all files, also after a fault. */
  async close(): Promise<void> {
    for (const { child } of this.#processes) child.kill('SIGKILL');
    await this.redis.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #run(name: string, env: Readonly<Record<string, string>>, ...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        HOME: this.folder,
        TMPDIR: join(this.folder, 'tmp'),
        TRAINYARD_HOME: this.folder,
        REDIS_URL: this.redis.url,
        LOG_LEVEL: 'warn',
        ...this.#settings,
        ...env,
        [markName]: this.#mark,
      },
      stdio: ['ignore', 'pipe', openSync(this.#logOf(name), 'a')],
    });
    this.#processes.push({ name, child });
    return child;
  }

  #logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** Returns the errors in the log of a process. */
  #errorsOf(name: string): string[] {
    const lines = readFileSync(this.#logOf(name), 'utf8').split('\n');
    const errors = lines.filter((line) => /^\{"level":[56]0/.test(line));
    return errors.slice(0, 3).map((line) => `${name} logged ${line.slice(0, 3_000)}`);
  }
}
