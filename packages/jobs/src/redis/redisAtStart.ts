// Looks at Redis before a program begins to serve. What only an operator can set right ends the program, with one line that says what
// to set; what may pass by itself does not.
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EnvironmentError } from '../errors.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { type RedisFailure, redisFailure, redisFailureOf } from './redisFailure.ts';
import { probeRedis } from './redisProbe.ts';
import { parseRedisUrl } from './redisUrl.ts';

/** How long one look at what answers may take, in ms. */
const patienceMs = 1_500;

/**
 * Returns also while Redis is away, loading or full.
 * @throws EnvironmentError when REDIS_URL leads to nothing that could ever serve
 */
export async function requireUsableRedis(url: string, prefix: string): Promise<void> {
  const found: { failure: RedisFailure | null } = { failure: null };
  const note = (error: unknown): void => {
    const failure = redisFailureOf(error);
    if (failure !== null && (found.failure === null || found.failure.isVague)) found.failure = failure;
  };
  const redis = connectRedis(url, { role: 'probe', onError: note });
  try {
    await probeRedis(redis, prefix);
    return;
  } catch (error) {
    note(error);
    if (found.failure === null) throw error;
  } finally {
    await closeRedis(redis);
  }
  const failure = (await whatAnswers(url)) ?? found.failure;
  if (failure.isMisconfigured) {
    throw new EnvironmentError([{ variable: 'REDIS_URL', message: `Redis ${failure.reason}. ${failure.remedy}` }]);
  }
}

/** What listens at the address, where that is no Redis, or one that is spoken to in the wrong way. */
async function whatAnswers(url: string): Promise<RedisFailure | null> {
  const { host, port, tls, sentinels } = parseRedisUrl(url);
  if (host === undefined || port === undefined || sentinels !== undefined) return null;
  const first = await firstBytes(host, port);
  if (first === null) return null;
  if (/^[+-]/.test(first)) return tls === undefined ? null : redisFailure('tlsMissing');
  if (tls !== undefined) return first.startsWith('HTTP') ? redisFailure('notRedis') : null;
  if (await speaksTls(host, port)) return redisFailure('tlsWanted');
  return first === '' ? null : redisFailure('notRedis');
}

/** What an open port says to PING; empty when it says nothing, null when it is not open. */
async function firstBytes(host: string, port: number): Promise<string | null> {
  return await new Promise((resolve) => {
    const socket = connectTcp({ host, port, timeout: patienceMs });
    let isOpen = false;
    const settle = (text: string): void => {
      socket.destroy();
      resolve(isOpen ? text : null);
    };
    socket.once('connect', () => {
      isOpen = true;
      socket.write('PING\r\n\r\n');
    });
    socket.once('data', (data) => settle(data.toString('latin1')));
    for (const event of ['error', 'end', 'close', 'timeout'] as const) socket.once(event, () => settle(''));
  });
}

async function speaksTls(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connectTls({ host, port, timeout: patienceMs, rejectUnauthorized: false });
    const settle = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once('secureConnect', () => settle(true));
    for (const event of ['error', 'end', 'close', 'timeout'] as const) socket.once(event, () => settle(false));
  });
}
