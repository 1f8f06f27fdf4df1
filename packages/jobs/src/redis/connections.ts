// The connections of a process to Redis, and one check of whether Redis can be used. They are closed all at once.
import type { Redis } from 'ioredis';
import { closeRedis, connectRedis, type RedisRole } from './connection.ts';
import { RedisHealth, type RedisHealthOptions } from './redisHealth.ts';

export interface Connections {
  /** The prefix of all keys. */
  readonly prefix: string;
  /** Says whether Redis can be used. */
  readonly health: RedisHealth;
  /** Opens a connection, which `close` closes. */
  open(role: RedisRole): Redis;
  /** Checks Redis now. @throws when it cannot be used, or is nearly full */
  check(): Promise<void>;
  /** Takes an error of a connection or a command. */
  readonly onError: (error: unknown) => void;
  /** Closes all connections after their pending commands. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Prepares the connections of a process. Their errors are logged, and one {@link RedisHealth} checks them all. The first one, which checks
 * whether Redis can be used, is opened at once.
 */
export function openConnections(options: RedisHealthOptions): Connections {
  const { redisUrl, prefix, log } = options;
  const health = new RedisHealth(options);
  const opened: Redis[] = [];
  const onError = (err: unknown): void => {
    if (health.report(err) === null) log.warn({ err }, 'Redis replied with an error');
  };
  return {
    prefix,
    health,
    onError,
    open: (role) => {
      const redis = connectRedis(redisUrl, { role, onError });
      opened.push(redis);
      health.watch(redis);
      return redis;
    },
    check: async () => {
      await health.check();
      health.requireRoom();
    },
    close: async () => {
      await Promise.all([health.close(), ...opened.map(closeRedis)]);
    },
  };
}
