// Connections to Redis, and how the commands of each role fail. ioredis's `commandTimeout` uses the wall clock: if the event loop is
// blocked for a second, a reply that has already arrived is treated as late. The timeouts here count only the time in which this process
// could have read a reply. A reply to an earlier command restarts the time, because it shows that Redis is working.
import { Redis } from 'ioredis';
import { redisFailureOf } from './redisFailure.ts';
import { parseRedisUrl, type RedisTarget } from './redisUrl.ts';

/**
 * - `api`: for handling requests. During an outage of Redis, a command fails within about a second, so that the caller can respond with
 *   503.
 * - `worker`: commands wait for Redis without a limit. The blocking reads of BullMQ need this.
 * - `subscriber`: like `worker`. The class Subscription subscribes again each time the connection is ready.
 * - `probe`: for checking whether Redis can be used. A command fails at once during an outage, and is sent even while Redis loads its data.
 */
export type RedisRole = 'api' | 'worker' | 'subscriber' | 'probe';

export interface ConnectOptions {
  readonly role: RedisRole;
  /** Called with every connection error. The connection recovers by itself. If omitted, errors show only in failing commands. */
  readonly onError?: (error: Error) => void;
}

/** Timeouts of commands, in ms; see CommandDeadlines. Commands of other roles have none. */
const commandTimeoutsMs: { readonly [Role in RedisRole]?: number } = { api: 1_000, probe: 2_000 };

/** Timeout of the last command of a connection or a subscription that is being closed, in ms. */
const closingPatienceMs = 2_000;

/** How long a closing connection waits until Redis closes it too, in ms. A Redis that hangs does not close it. */
const farewellMs = 500;

/** Shortest time between two reconnections because of a replica, in ms. */
const shortestReplicaPause = 100;

/** Timeout for connecting, in ms. The event loop is never busy for that long. */
const connectTimeoutMs = 5_000;

/** Longest pause between two attempts to connect, in ms. */
const longestRetryPause = 1_000;

/**
 * A connection without any data for this long counts as broken, in ms. It is longer than any blocking read: the blocking reads of BullMQ
 * take at most 10 s.
 */
const silenceMs = 15_000;

const roleOptions = {
  api: { maxRetriesPerRequest: 1 },
  worker: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: false },
  probe: { maxRetriesPerRequest: 0, enableReadyCheck: false },
} as const satisfies Record<RedisRole, RedisTarget>;

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 10), longestRetryPause);

/**
 * Returns a function that decides whether to reconnect after an error. After a failover, the connection may still lead to the old primary,
 * which is a replica now. A new connection to the same address may lead to the new primary. Of many failed commands, only the first one
 * reconnects.
 */
function reconnectFromReplica(): (error: Error) => boolean {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (redisFailureOf(error)?.kind !== 'replica' || now - lastMs < shortestReplicaPause) return false;
    lastMs = now;
    return true;
  };
}

/**
 * Returns a connection that is being opened. Commands wait until it is ready. Close it with `closeRedis`.
 * @param url in one of the forms of {@link parseRedisUrl}
 * @throws RedisUrlError under the conditions of {@link parseRedisUrl}
 */
export function connectRedis(url: string, { role, onError }: ConnectOptions): Redis {
  const options: RedisTarget = {
    ...parseRedisUrl(url),
    connectionName: `trainyard-${role}`,
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: farewellMs,
    keepAlive: silenceMs,
    socketTimeout: silenceMs,
    retryStrategy,
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: 2_000,
    reconnectOnError: reconnectFromReplica(),
    ...roleOptions[role],
  };
  const timeoutMs = commandTimeoutsMs[role];
  const redis = timeoutMs === undefined ? new Redis(options) : new RedisWithDeadlines(options, timeoutMs);
  redis.on('error', (error: Error) => {
    // Otherwise ioredis would continue in database 0.
    if (redisFailureOf(error)?.kind === 'databaseMissing') redis.disconnect(true);
    onError?.(error);
  });
  return redis;
}

/** Waits for a command, but not longer than a timeout, so that a Redis that hangs does not delay the stop of a process. */
export async function answeredSoon(command: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('Command timed out')), closingPatienceMs);
  try {
    await Promise.race([command, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes the connection after its pending commands. Takes at most a few seconds if Redis is unavailable or hangs. Safe to call twice. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === 'end') return;
  if (redis.status === 'reconnecting' || redis.status === 'close') {
    // Between two attempts no connection is open, and there is no `end` event.
    redis.disconnect();
    return;
  }
  const ended = new Promise<void>((resolve) => redis.once('end', resolve));
  if (redis.status === 'ready') await answeredSoon(redis.quit()).catch(() => redis.disconnect());
  else redis.disconnect();
  await ended;
}

type Command = Parameters<Redis['sendCommand']>[0];

/** How often the clock is read, in ms. The event loop reads sockets between two readings. */
const sliceMs = 50;

/**
 * The maximum time that one reading adds to the clock, in ms. A longer pause between two readings means that the event loop was blocked.
 */
const longestSliceMs = 2 * sliceMs;

/** Rejects the commands of one connection that stay unanswered. */
class CommandDeadlines {
  readonly #limitMs: number;
  readonly #isReady: () => boolean;
  /** The commands without an answer, oldest first, each with the time of the clock at its start. */
  readonly #pending = new Map<Command, number>();
  #clockMs = 0;
  #readAt = 0;
  /** The time of the clock at the last answer of Redis. */
  #answeredAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limitMs how long Redis may stay silent before its commands are rejected with "Command timed out"
   * @param isReady returns whether commands are sent to Redis at once. While commands wait for a connection, replies to its
   *   handshake do not restart their time.
   */
  constructor(limitMs: number, isReady: () => boolean) {
    this.#limitMs = limitMs;
    this.#isReady = isReady;
  }

  /** Starts the time of a command. A command that is sent again keeps its first start time. */
  watch(command: Command): void {
    if (command.isSettled || this.#pending.has(command)) return;
    this.#pending.set(command, this.#clockMs);
    const settled = (): void => {
      if (this.#pending.delete(command)) this.#answeredAt = this.#clockMs;
      if (this.#pending.size === 0) this.#stop();
    };
    command.promise.then(settled, settled);
    if (this.#timer !== undefined) return;
    this.#readAt = performance.now();
    this.#timer = setInterval(() => this.#read(), sliceMs);
  }

  #read(): void {
    const now = performance.now();
    this.#clockMs += Math.min(now - this.#readAt, longestSliceMs);
    this.#readAt = now;
    for (const [command, since] of this.#pending) {
      const quietSince = this.#isReady() ? Math.max(since, this.#answeredAt) : since;
      if (this.#clockMs - quietSince < this.#limitMs) break;
      this.#pending.delete(command);
      command.reject(new Error('Command timed out'));
    }
    if (this.#pending.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** A connection whose commands are rejected when Redis stays silent for `limitMs`. */
export class RedisWithDeadlines extends Redis {
  readonly #deadlines: CommandDeadlines;

  constructor(options: RedisTarget, limitMs: number) {
    super(options);
    this.#deadlines = new CommandDeadlines(limitMs, () => this.status === 'ready');
  }

  override sendCommand(...[command, stream]: Parameters<Redis['sendCommand']>): unknown {
    this.#deadlines.watch(command);
    return super.sendCommand(command, stream);
  }
}
