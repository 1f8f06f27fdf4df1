// Finds out which program listens at the address of Redis when a connection ends without an answer.
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type RedisFailure, redisFailure, redisFailureOf } from './redisFailure.ts';
import { parseRedisUrl } from './redisUrl.ts';

/** How long one connection may take, in ms. */
const patienceMs = 1_500;

/** How long the program may take to send something by itself, in ms. */
const greetingMs = 100;

/** The failure if another program listens, or a Redis that needs another URL (such as TLS); null otherwise. */
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

/** The failure that Redis reports to every client; null if it only needs a password. */
function refusalOf(answer: string): RedisFailure | null {
  const failure = redisFailureOf(new Error(answer.slice(1).split('\r\n')[0]));
  return failure?.kind === 'tooManyClients' || failure?.kind === 'protectedMode' ? failure : null;
}

/** What the program sends by itself or after PING; empty if nothing, null if the port is closed. */
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
      // Writing to a connection that the other side closes can discard what it sent first.
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
