// Decides whether this process can use Redis, by the errors of its commands and connections and by regular probes. Logs one line per
// change, however many commands fail. Readiness and 503 responses take their reason from here.
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis } from './connection.ts';
import { whatAnswers } from './redisAtStart.ts';
import { type RedisFailure, RedisUnavailableError, redisFailure, redisFailureOf } from './redisFailure.ts';
import { isNearlyFull, probeRedis, type RedisMemory } from './redisProbe.ts';

export interface HealthLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RedisHealthOptions {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly log: HealthLog;
  /** The consequence of an outage, for the log, such as "jobs wait". */
  readonly meanwhile: string;
}

/** Pause between two probes, in ms: normally, and during an outage. */
const calmMs = 10_000;
const eagerMs = 500;

/** An outage ends when a probe succeeds and the last failure was at least this long ago, in ms. */
const quietMs = 1_000;

/** How long the same kind of failure is not logged again, in ms. */
const repeatMs = 10_000;

/** How long a watched connection may take to answer a probe, in ms. */
const answerMs = 2_000;

interface Outage {
  failure: RedisFailure;
  readonly sinceMs: number;
  /** The time of the last reported failure, in ms. */
  lastMs: number;
  /** Whether the outage was logged. */
  isLogged: boolean;
}

export class RedisHealth {
  readonly #options: RedisHealthOptions;
  readonly #probe: Redis;
  readonly #watched = new Set<Redis>();
  /** The time (ms) at which each failure was last logged, by its reason. */
  readonly #logged = new Map<string, number>();
  readonly #warned = new Set<string>();
  readonly #recoveryListeners: (() => void)[] = [];
  #outage: Outage | null = null;
  #looking: Promise<void> | null = null;
  #identity: string | null = null;
  #memory: RedisMemory | null = null;
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(options: RedisHealthOptions) {
    this.#options = options;
    this.#probe = connectRedis(options.redisUrl, { role: 'probe', onError: (error) => void this.report(error) });
    this.#timer = setTimeout(() => this.#tick(), 0);
  }

  /** Why Redis cannot be used now; null while it can. */
  get failure(): RedisFailure | null {
    return this.#outage?.failure ?? null;
  }

  /** The memory of Redis at the last probe; null before the first probe, and if Redis does not show it. */
  get memory(): RedisMemory | null {
    return this.#memory;
  }

  /** Includes a connection of the process in every probe. The caller reports the errors of the connection. */
  watch(redis: Redis): void {
    this.#watched.add(redis);
  }

  /** Calls back each time when Redis can be used again after a failure. */
  onRecovery(listener: () => void): void {
    this.#recoveryListeners.push(listener);
  }

  /**
   * Reports an error of a command or a connection.
   * @returns the failure that the error means; null if it is not about Redis. The caller must then log the error
   */
  report(error: unknown): RedisFailure | null {
    const failure = redisFailureOf(error);
    if (failure === null || this.#isClosed) return failure;
    const now = performance.now();
    if (this.#outage === null) {
      this.#outage = { failure, sinceMs: now, lastMs: now, isLogged: false };
      this.#schedule(eagerMs);
    }
    const outage = this.#outage;
    outage.lastMs = now;
    // "No answer" can be a consequence of any other failure, so it does not replace a more precise one.
    const isNew = !failure.isVague && failure.reason !== outage.failure.reason;
    if (isNew) outage.failure = failure;
    if (isNew || !outage.isLogged) this.#logOutage(outage, error);
    return outage.failure;
  }

  /**
   * Probes Redis now, over its own connection and the watched ones.
   * @throws RedisUnavailableError with the reason
   */
  async check(): Promise<void> {
    try {
      await (this.#looking ??= this.#look().finally(() => (this.#looking = null)));
    } catch (error) {
      const failure = this.report(error);
      if (failure === null) throw error;
      throw new RedisUnavailableError(failure, { cause: error });
    }
  }

  /**
   * Checks that Redis was not nearly full at the last probe. A nearly full Redis still works.
   * @throws RedisUnavailableError if it was nearly full
   */
  requireRoom(): void {
    if (isNearlyFull(this.#memory)) throw new RedisUnavailableError(redisFailure('nearlyFull'));
  }

  async #look(): Promise<void> {
    try {
      await this.#probeAll();
    } catch (error) {
      if (redisFailureOf(error)?.isVague !== true) throw error;
      const failure = await whatAnswers(this.#options.redisUrl);
      throw failure === null ? error : new RedisUnavailableError(failure, { cause: error });
    }
  }

  /** Ends the probes. Safe to call twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await closeRedis(this.#probe);
  }

  async #probeAll(): Promise<void> {
    const { warnings, identity, memory } = await probeRedis(this.#probe, this.#options.prefix);
    await Promise.all([...this.#watched].map(async (redis) => await answers(redis)));
    for (const warning of warnings) this.#warn(warning);
    this.#logMemory(memory);
    if (this.#identity !== null && this.#identity !== identity) {
      this.#options.log.warn({}, 'Redis has lost its data, or it is another Redis than before. Jobs that it does not contain are lost.');
    }
    this.#identity = identity;
    const outage = this.#outage;
    const now = performance.now();
    if (outage === null || now - outage.lastMs < quietMs) return;
    this.#outage = null;
    const seconds = Math.round((now - outage.sinceMs) / 100) / 10;
    if (outage.isLogged) this.#options.log.info({ seconds }, `Redis can be used again after ${seconds} s`);
    for (const listener of this.#recoveryListeners) listener();
  }

  #logOutage(outage: Outage, error: unknown): void {
    const { kind, reason, remedy } = outage.failure;
    const now = performance.now();
    if (now - (this.#logged.get(reason) ?? Number.NEGATIVE_INFINITY) < repeatMs) return;
    this.#logged.set(reason, now);
    outage.isLogged = true;
    this.#options.log.warn({ redis: kind, cause: causeOf(error) }, `Redis ${reason}: ${this.#options.meanwhile}. ${remedy}`);
  }

  #logMemory(memory: RedisMemory | null): void {
    const wasNearlyFull = isNearlyFull(this.#memory);
    this.#memory = memory;
    if (isNearlyFull(memory) === wasNearlyFull) return;
    const { kind, reason, remedy } = redisFailure('nearlyFull');
    if (wasNearlyFull) this.#options.log.info({ ...memory }, 'Redis is no longer nearly full');
    else this.#options.log.warn({ redis: kind, ...memory }, `Redis ${reason}. ${remedy}`);
  }

  #warn(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#options.log.warn({}, warning);
  }

  /**
   * Reconnects the watched connections if Redis has become a replica, because the address may lead to the new primary. Subscribers get no
   * error.
   */
  #leaveReplica(): void {
    if (this.failure?.kind !== 'replica') return;
    for (const redis of this.#watched) if (redis.status === 'ready') redis.disconnect(true);
  }

  #tick(): void {
    this.#leaveReplica();
    this.check()
      .catch((error: unknown) => {
        if (redisFailureOf(error) === null) this.#options.log.warn({ err: error }, 'Redis could not be probed');
      })
      .finally(() => this.#schedule(this.#outage === null ? calmMs : eagerMs));
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#tick(), ms);
  }
}

/** Returns the message of an error, without the arguments of the command, which may contain a password. */
function causeOf(error: unknown): string {
  const cause = error instanceof RedisUnavailableError && error.cause !== undefined ? error.cause : error;
  return (cause instanceof Error ? cause.message : String(cause)).replace(/,? with args beginning with.*$/s, '');
}

/** Sends PING. @throws RedisUnavailableError if there is no answer in time */
async function answers(redis: Redis): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new RedisUnavailableError(redisFailure('silent'))), answerMs);
  try {
    await Promise.race([redis.ping(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
