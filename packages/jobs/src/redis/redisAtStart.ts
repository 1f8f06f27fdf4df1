// Checks Redis at the start of a program. A failure that only an operator can fix ends the program, with one line that says what to change.
// Other failures do not end it. If a connection ends without an answer, finds out which program listens at the address of Redis.
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { EnvironmentError } from '../errors.ts';
import { closeRedis, connectRedis } from './connection.ts';
import { type RedisFailure, redisFailure, redisFailureOf } from './redisFailure.ts';
import { probeRedis } from './redisProbe.ts';
import { parseRedisUrl } from './redisUrl.ts';

/**
 * Checks that Redis can be used. Does not throw if Redis is unreachable, loading or full, because a program can wait for the end of that
 * state.
 * @throws EnvironmentError if Redis cannot be used without a change by the operator
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

/** Timeout of one connection, in ms. */
const patienceMs = 1_500;

/** How long to wait for the program to send something before sending PING, in ms. */
const greetingMs = 100;

/** Returns the failure if another program listens there, or a Redis that needs another URL (such as one for TLS); null otherwise. */
export async function whatAnswers(url: string): Promise<RedisFailure | null> {
  const { host, port, tls, sentinels } = parseRedisUrl(url);
  if (host === undefined || port === undefined || sentinels !== undefined) return null;
  const first = await firstBytes(host, port);
  if (first === null) return null;
  if (/^[+-]/.test(first)) return tls === undefined ? refusalOf(first) : redisFailure('tlsMissing');
  if (tls !== undefined) return first.startsWith('HTTP') ? redisFailure('notRedis') : null;
  if (await speaksTls(host, port)) return redisFailure('tlsWanted');
  return first === '' ? null : redisFailure('notRedis');
}

/** Returns the failure if Redis refuses every client; null otherwise, for example if it only needs a password. */
function refusalOf(answer: string): RedisFailure | null {
  const failure = redisFailureOf(new Error(answer.slice(1).split('\r\n')[0]));
  return failure?.kind === 'tooManyClients' || failure?.kind === 'protectedMode' ? failure : null;
}

/** Returns the first data that the program sends, if necessary after PING: '' if it sends nothing, null if the port is closed. */
async function firstBytes(host: string, port: number): Promise<string | null> {
  return await new Promise((resolve) => {
    const socket = connectTcp({ host, port, timeout: patienceMs });
    let isOpen = false;
    let greeting: NodeJS.Timeout | undefined;
    const settle = (text: string): void => {
      clearTimeout(greeting);
      socket.destroy();
      resolve(isOpen ? text : null);
    };
    socket.once('connect', () => {
      isOpen = true;
      // The program may send something and close the connection at once. Writing to a closed connection can discard what it sent.
      greeting = setTimeout(() => socket.write('PING\r\n\r\n'), greetingMs);
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
