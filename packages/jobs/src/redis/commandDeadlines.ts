// Timeouts of Redis commands that do not expire because this process is busy. ioredis's `commandTimeout` uses the wall clock: if the event
// loop is blocked for a second, a reply that has already arrived is treated as late. Here only time counts during which a reply could have
// been read. A reply to an earlier command restarts the time, because it shows that Redis is working.
import { Redis } from 'ioredis';
import type { RedisTarget } from './redisUrl.ts';

type Command = Parameters<Redis['sendCommand']>[0];

/** How often the clock is read, in ms. The event loop reads sockets between two readings. */
const sliceMs = 50;

/** The most that one reading adds to the clock, in ms: a longer pause means that the event loop was busy. */
const longestSliceMs = 2 * sliceMs;

/** Rejects the commands of one connection that stay unanswered. */
class CommandDeadlines {
  readonly #limitMs: number;
  readonly #isReady: () => boolean;
  /** Commands without an answer, oldest first, with the time on the clock when each was given. */
  readonly #pending = new Map<Command, number>();
  #clockMs = 0;
  #readAt = 0;
  /** The time on the clock when Redis last answered. */
  #answeredAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limitMs how long Redis may stay silent before its commands are rejected with "Command timed out"
   * @param isReady whether commands go to Redis at once. While they wait for a connection, the answers of its handshake
   *   are no sign that they will be answered.
   */
  constructor(limitMs: number, isReady: () => boolean) {
    this.#limitMs = limitMs;
    this.#isReady = isReady;
  }

  /** Starts the time of a command; one that is sent again keeps its time. */
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
