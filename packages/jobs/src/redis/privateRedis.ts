// A private Redis: a Redis process that this process starts and that only this machine can reach. Its password does not appear in the
// process list. It stores its data in an append-only file. Ctrl-C in the terminal does not stop it, so it can be stopped last. It stops
// when its parent process has ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { Redis } from 'ioredis';
import { machineMemoryBytes } from '../environment/process.ts';
import { RedisStartError } from '../errors.ts';

/**
 * `external`: the Redis of REDIS_URL. `private`: a Redis process that was started here, with its data on the disk. `embedded`: a Redis in
 * this process, with its data in memory.
 */
export type RedisKind = 'external' | 'private' | 'embedded';

export interface RunningRedis {
  /** Contains the password of a private Redis, so it must not be logged. */
  readonly url: string;
  readonly kind: RedisKind;
  /** Stops a Redis that was started here. Call it last. Does nothing to an external Redis. Safe to call twice. */
  close(): Promise<void>;
}

export interface PrivateRedisOptions {
  /** The path of redis-server or valkey-server. */
  readonly program: string;
  /** The data folder. Redis stores its data in the subfolder `redis`. No other process may use the folder. */
  readonly home: string;
  readonly log: (message: string) => void;
  /** The maxmemory of Redis, in bytes. Default: a quarter of `machineMemoryBytes()`. */
  readonly memoryBytes?: number;
}

/** The maximum number of tries to start. Another program may take the free port before Redis does. */
const portAttempts = 3;
/** How long a start may take, in ms. A long append-only file takes a while to load. */
const startBoundMs = 60_000;
const stopBoundMs = 10_000;

/**
 * A shell between this process and Redis, in a process group of its own. Its standard input is a pipe that closes when this process ends,
 * even after SIGKILL. The shell then stops Redis with SIGTERM, so that Redis writes all data. The shell ends when Redis ends, with the same
 * exit code.
 */
const keeper = `
"$0" "$1" &
redis=$!
trap '' HUP INT TERM
exec 3<&0
(read -r _ <&3; kill -TERM "$redis") &
reader=$!
wait "$redis"
code=$?
kill -KILL "$reader"
exit "$code"
`;

/** A started Redis and the shell that watches over it. */
interface Server {
  readonly keeper: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly url: string;
}

/**
 * Starts a private Redis and waits until it has loaded its data. If an earlier process left a Redis running on the same data, it is stopped
 * first.
 * @throws RedisStartError with the end of the log
 */
export async function startPrivateRedis({
  program,
  home,
  log,
  memoryBytes = machineMemoryBytes() / 4,
}: PrivateRedisOptions): Promise<RunningRedis> {
  mkdirSync(join(home, 'redis'), { recursive: true, mode: 0o700 });
  const folder = realpathSync(join(home, 'redis'));
  const former = formerUrl(folder);
  if (former !== null && (await isServing(former, folder, 0))) {
    log('stopping the Redis that an earlier process left running');
    await shutDown(former, stopBoundMs);
  }
  for (let attempt = 1; attempt <= portAttempts; attempt++) {
    const server = await start(program, folder, memoryBytes);
    if (server === null) continue;
    log(`using a private Redis (${basename(program)}) with its data in ${folder}`);
    return running(server, folder, log);
  }
  throw new RedisStartError(`${program} did not start. Its log ends with:\n${logTail(folder)}`);
}

/** Tries once to start Redis. Returns null if it ended before it was ready. */
async function start(program: string, folder: string, memoryBytes: number): Promise<Server | null> {
  const port = await freePort();
  const password = randomBytes(24).toString('hex');
  writeFileSync(configPath(folder), configOf(port, password, folder, memoryBytes), { mode: 0o600 });
  const log = openSync(logPath(folder), 'w', 0o600);
  const child = spawn('/bin/sh', ['-c', keeper, program, configPath(folder)], {
    detached: true,
    env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] },
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  const server = { keeper: child, exited: once(child, 'exit'), url: urlOf(port, password) };
  if (await Promise.race([isServing(server.url, folder, startBoundMs), server.exited.then(() => false)])) return server;
  await stop(server);
  return null;
}

function running(server: Server, folder: string, log: (message: string) => void): RunningRedis {
  let closed: Promise<void> | null = null;
  void server.exited.then(() => {
    if (closed === null) log(`Redis ended unexpectedly. Its log ends with:\n${logTail(folder)}`);
  });
  return {
    url: server.url,
    kind: 'private',
    close: () => (closed ??= stop(server)),
  };
}

/** Asks Redis to end. If it does not end in time, kills it and its shell. */
async function stop({ keeper, exited, url }: Server): Promise<void> {
  const bound = setTimeout(() => killGroup(keeper), stopBoundMs);
  if (keeper.exitCode === null && keeper.signalCode === null) {
    await shutDown(url, stopBoundMs);
    keeper.stdin?.end();
  }
  await exited;
  clearTimeout(bound);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Redis has ended meanwhile.
  }
}

/** https://redis.io/docs/latest/operate/oss_and_stack/management/config-file */
function configOf(port: number, password: string, folder: string, memoryBytes: number): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(folder)}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    `maxmemory ${Math.round(memoryBytes)}`,
    'maxmemory-policy noeviction',
    'daemonize no',
    'loglevel warning',
    '',
  ].join('\n');
}

function configPath(folder: string): string {
  return join(folder, 'redis.conf');
}

function logPath(folder: string): string {
  return join(folder, 'redis.log');
}

function urlOf(port: string | number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

/** Returns the URL of the last Redis that ran on this data; null if there was none. */
function formerUrl(folder: string): string | null {
  try {
    const config = readFileSync(configPath(folder), 'utf8');
    const port = /^port (\d+)$/m.exec(config)?.[1];
    const password = /^requirepass (\w+)$/m.exec(config)?.[1];
    return port === undefined || password === undefined ? null : urlOf(port, password);
  } catch {
    return null;
  }
}

function logTail(folder: string): string {
  return readFileSync(logPath(folder), 'utf8').trimEnd().split('\n').slice(-8).join('\n');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new RedisStartError('the system assigned no free port on 127.0.0.1');
  return address.port;
}

/**
 * Whether the Redis at `url` has loaded the data in `folder`.
 * @param boundMs how long to try, in ms. 0 means one try
 */
export async function isServing(url: string, folder: string, boundMs: number): Promise<boolean> {
  const end = Date.now() + boundMs;
  const redis = new Redis(url, {
    retryStrategy: () => (Date.now() < end ? 25 : null),
    maxRetriesPerRequest: null,
    connectTimeout: 1_000,
    maxLoadingRetryTime: 100,
  });
  // Refused connections are retried.
  redis.on('error', () => undefined);
  try {
    const reply = await redis.config('GET', 'dir');
    return Array.isArray(reply) && reply[1] === folder;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

/** Asks Redis to write all data and end. Waits until it has ended, at most `boundMs` ms. */
export async function shutDown(url: string, boundMs: number): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => null, connectTimeout: 1_000, enableReadyCheck: false });
  redis.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => redis.once('end', resolve));
  const bound = setTimeout(() => redis.disconnect(), boundMs);
  // Redis does not reply, but closes the connection.
  redis.shutdown().catch(() => undefined);
  await ended;
  clearTimeout(bound);
}
