// Parses REDIS_URL. Error messages never contain the URL, because it may contain a password.
import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';
import { JobsError } from '../errors.ts';

/** An invalid URL. The message is the end of a sentence that begins with the name of the variable. */
export class RedisUrlError extends JobsError {
  constructor(message: string) {
    super('invalidRedisUrl', message);
  }
}

/** The options with which ioredis connects. Without `replyMapping`, replies have the shapes of RESP2. */
export type RedisTarget = Omit<RedisOptions, 'replyMapping'>;

type Form = 'host' | 'socket' | 'sentinel';

interface Scheme {
  readonly form: Form;
  readonly isTls: boolean;
}

const schemes: Readonly<Record<string, Scheme>> = {
  redis: { form: 'host', isTls: false },
  rediss: { form: 'host', isTls: true },
  valkey: { form: 'host', isTls: false },
  valkeys: { form: 'host', isTls: true },
  unix: { form: 'socket', isTls: false },
  'redis+unix': { form: 'socket', isTls: false },
  'valkey+unix': { form: 'socket', isTls: false },
  'redis+sentinel': { form: 'sentinel', isTls: false },
  'rediss+sentinel': { form: 'sentinel', isTls: true },
  'valkey+sentinel': { form: 'sentinel', isTls: false },
  'valkeys+sentinel': { form: 'sentinel', isTls: true },
};

/** The parameters that are allowed after the question mark, each with the forms of URL that allow it. */
const parameters: Readonly<Record<string, readonly Form[]>> = {
  db: ['host', 'socket', 'sentinel'],
  username: ['host', 'socket', 'sentinel'],
  password: ['host', 'socket', 'sentinel'],
  protocol: ['host', 'socket', 'sentinel'],
  family: ['host', 'sentinel'],
  ca: ['host', 'sentinel'],
  cert: ['host', 'sentinel'],
  key: ['host', 'sentinel'],
  sentinelUsername: ['sentinel'],
  sentinelPassword: ['sentinel'],
};

const example = 'must be a URL such as redis://127.0.0.1:6379';

const encoding = 'special characters in a user name or password must be percent-encoded: @ is %40, / is %2F, # is %23, % is %25';

const grammar =
  /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?:(?<credentials>[^/?#]*)@)?(?<hosts>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/i;

/**
 * Parses a URL, and reads the files that the parameters `ca`, `cert` and `key` name.
 * @throws RedisUrlError if the URL is invalid or a file cannot be read
 */
export function parseRedisUrl(url: string): RedisTarget {
  const { scheme: name = '', credentials, hosts = '', path = '', query = '', fragment } = grammar.exec(url)?.groups ?? {};
  if (/cluster/i.test(name)) {
    throw new RedisUrlError(
      'names a Redis Cluster, which is not supported: name a single Redis, or its Sentinels as in redis+sentinel://host:26379/mymaster',
    );
  }
  const scheme = schemes[name.toLowerCase()];
  if (scheme === undefined) throw new RedisUrlError(example);
  if (fragment !== undefined) throw new RedisUrlError(`has a #, which must be percent-encoded; ${encoding}`);
  const given = queryOf(query, scheme.form);
  const [place, database] = placeOf(scheme, hosts, path);
  return {
    ...place,
    ...credentialsOf(credentials, given),
    ...databaseOf(database, given['db']),
    ...(given['protocol'] === undefined ? {} : { protocol: oneOf('protocol', given['protocol'], [2, 3] as const) }),
    ...(given['family'] === undefined ? {} : { family: oneOf('family', given['family'], [0, 4, 6] as const) }),
    ...tlsOf(scheme, given),
  };
}

function queryOf(query: string, form: Form): Readonly<Record<string, string | undefined>> {
  const given: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!parameters[name]?.includes(form)) {
      const known = Object.keys(parameters).filter((parameter) => parameters[parameter]?.includes(form));
      throw new RedisUrlError(`has an unknown parameter after the question mark: use only ${known.join(', ')}`);
    }
    given[name] = value;
  }
  return given;
}

/** Returns the address of Redis, and the database that the path names, if any. */
function placeOf({ form, isTls }: Scheme, hosts: string, path: string): [RedisTarget, string | undefined] {
  if (form === 'socket') {
    if (hosts !== '' || path === '')
      throw new RedisUrlError('must name the socket by an absolute path, such as redis+unix:///run/redis.sock');
    return [{ path: decoded(path) }, undefined];
  }
  const [first = '', second = '', ...rest] = path.slice(1).split('/');
  if (rest.length > 0) throw new RedisUrlError(example);
  if (form === 'sentinel') {
    if (first === '')
      throw new RedisUrlError('must name the primary that the Sentinels know, such as redis+sentinel://host:26379/mymaster');
    const sentinels = hosts.split(',').map((address) => addressOf(address, 26_379));
    return [{ sentinels, name: decoded(first), ...(isTls ? { enableTLSForSentinelMode: true } : {}) }, second];
  }
  if (second !== '') throw new RedisUrlError(example);
  if (hosts.includes(','))
    throw new RedisUrlError(
      'names several hosts: name a single Redis, or several Sentinels as in redis+sentinel://host:26379,host:26379/mymaster',
    );
  return [addressOf(hosts, 6_379), first];
}

function addressOf(address: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[(?<ipv6>[0-9a-f:.%]+)\]|(?<name>[^\s:[\]@]*))(?::(?<port>\d{1,5}))?$/i.exec(address);
  const port = Number(match?.groups?.['port'] ?? defaultPort);
  if (match === null || port < 1 || port > 65_535) throw new RedisUrlError(`must have a host and a port from 1 to 65535, and ${encoding}`);
  return { host: match.groups?.['ipv6'] ?? (match.groups?.['name'] || '127.0.0.1'), port };
}

function credentialsOf(
  credentials: string | undefined,
  given: Readonly<Record<string, string | undefined>>,
): Pick<RedisOptions, 'username' | 'password' | 'sentinelUsername' | 'sentinelPassword'> {
  const at = credentials?.indexOf(':') ?? -1;
  const [user, secret] = credentials === undefined ? [] : at < 0 ? [credentials] : [credentials.slice(0, at), credentials.slice(at + 1)];
  const username = user ? decoded(user) : given['username'];
  const password = secret === undefined ? given['password'] : decoded(secret);
  const { sentinelUsername, sentinelPassword } = given;
  return {
    ...(username ? { username, password: password ?? '' } : password ? { password } : {}),
    ...(sentinelUsername ? { sentinelUsername } : {}),
    ...(sentinelPassword ? { sentinelPassword } : {}),
  };
}

function databaseOf(fromPath: string | undefined, fromQuery: string | undefined): { db: number } {
  const named = [fromPath, fromQuery].filter((name) => name !== undefined && name !== '');
  const [database = '0'] = named;
  if (named.some((name) => name !== database))
    throw new RedisUrlError('names two databases: remove the one in the path or the parameter db');
  if (!/^\d{1,9}$/.test(database)) throw new RedisUrlError('must name the database by its number, such as /0');
  return { db: Number(database) };
}

function tlsOf({ isTls }: Scheme, given: Readonly<Record<string, string | undefined>>): Pick<RedisOptions, 'tls' | 'sentinelTLS'> {
  const files = Object.fromEntries(
    (['ca', 'cert', 'key'] as const).flatMap((name) => (given[name] === undefined ? [] : [[name, contentOf(name, given[name])]])),
  );
  if (isTls) return { tls: files, sentinelTLS: files };
  if (Object.keys(files).length > 0) throw new RedisUrlError('has parameters for TLS: use rediss:// instead of redis://, or remove them');
  return {};
}

function contentOf(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new RedisUrlError(`has a parameter ${name} with a file that cannot be read${code}`);
  }
}

function oneOf<T extends number>(name: string, text: string, values: readonly T[]): T {
  const value = values.find((candidate) => String(candidate) === text);
  if (value === undefined) throw new RedisUrlError(`has a parameter ${name} that must be one of ${values.join(', ')}`);
  return value;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError(`has an invalid percent-encoding; ${encoding}`);
  }
}
