// Checks whether Redis can be used: sends each command that the service or BullMQ uses, with keys and a channel only for the probe. Removes
// these keys afterwards. Also reads the version, role and memory of Redis.
import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { redisKeys } from './keys.ts';
import { type RedisFailure, RedisUnavailableError, redisFailure, redisFailureOf } from './redisFailure.ts';

export interface RedisFindings {
  /** Warnings for the operator about a usable Redis, as whole sentences. */
  readonly warnings: readonly string[];
  /** A random id that the first process stored in this Redis. If it changes, Redis has lost its data or is a different one. */
  readonly identity: string;
  /** The memory of Redis; null if Redis does not show it. */
  readonly memory: RedisMemory | null;
}

const leastVersion = [6, 2] as const;

/** Lifetime of the keys of a probe that was interrupted, in ms. */
const keptMs = 60_000;

/** The maximum number of command names in a message. */
const mostNames = 6;

type Command = readonly [name: string, ...args: (string | number)[]];

/** Returns the commands of a probe. A command may need the data that earlier commands wrote. */
export function probeCommands(key: (type: string) => string, value: string): readonly Command[] {
  const [text, moved, count] = [key('text'), key('moved'), key('count')];
  const [hash, list, other, set, sorted, stream] = [key('hash'), key('list'), key('other'), key('set'), key('sorted'), key('stream')];
  const script = "return redis.call('GET', KEYS[1])";
  const digest = createHash('sha1').update(script).digest('hex');
  return [
    ['PING'],
    ['TIME'],
    ['SET', text, value, 'PX', keptMs],
    ['GET', text],
    ['MGET', text],
    ['EXISTS', text],
    ['TYPE', text],
    ['PTTL', text],
    ['PERSIST', text],
    ['PEXPIRE', text, keptMs],
    ['PEXPIREAT', text, Date.now() + keptMs],
    ['EVAL', script, 1, text],
    ['EVALSHA', digest, 1, text],
    ['SCRIPT', 'EXISTS', digest],
    ['RENAME', text, moved],
    ['INCR', count],
    ['INCRBY', count, 1],
    ['HSET', hash, 'a', '1'],
    ['HMSET', hash, 'b', '1'],
    ['HSETNX', hash, 'c', '1'],
    ['HGET', hash, 'a'],
    ['HMGET', hash, 'a'],
    ['HGETALL', hash],
    ['HVALS', hash],
    ['HLEN', hash],
    ['HSTRLEN', hash, 'a'],
    ['HEXISTS', hash, 'a'],
    ['HINCRBY', hash, 'a', 1],
    ['HINCRBYFLOAT', hash, 'a', 1],
    ['HDEL', hash, 'a'],
    ['LPUSH', list, 'a', 'b', 'c', 'd', 'e'],
    ['RPUSH', list, 'f'],
    ['LLEN', list],
    ['LINDEX', list, 0],
    ['LRANGE', list, 0, -1],
    ['LPOS', list, 'a'],
    ['LSET', list, 0, 'e'],
    ['LREM', list, 1, 'e'],
    ['LTRIM', list, 0, 3],
    ['LPOP', list],
    ['RPOP', list],
    ['RPOPLPUSH', list, other],
    ['SADD', set, 'a', 'b'],
    ['SCARD', set],
    ['SISMEMBER', set, 'a'],
    ['SMEMBERS', set],
    ['SREM', set, 'a'],
    ['ZADD', sorted, 1, 'a', 2, 'b', 3, 'c', 4, 'd', 5, 'e'],
    ['ZCARD', sorted],
    ['ZCOUNT', sorted, '-inf', '+inf'],
    ['ZLEXCOUNT', sorted, '-', '+'],
    ['ZRANK', sorted, 'a'],
    ['ZSCORE', sorted, 'a'],
    ['ZRANGE', sorted, 0, -1],
    ['ZREVRANGE', sorted, 0, -1],
    ['ZRANGEBYLEX', sorted, '-', '+'],
    ['ZRANGEBYSCORE', sorted, '-inf', '+inf'],
    ['ZREVRANGEBYSCORE', sorted, '+inf', '-inf'],
    ['ZREM', sorted, 'a'],
    ['ZPOPMIN', sorted],
    ['BZPOPMIN', sorted, 1],
    ['ZREMRANGEBYRANK', sorted, 0, 0],
    ['ZREMRANGEBYSCORE', sorted, '-inf', '+inf'],
    ['XADD', stream, '1-1', 'a', '1'],
    ['XLEN', stream],
    ['XRANGE', stream, '-', '+'],
    ['XREVRANGE', stream, '+', '-'],
    ['XTRIM', stream, 'MAXLEN', 1],
    ['XDEL', stream, '1-1'],
    ['PUBLISH', key('channel'), ''],
    ['DEL', moved, count, hash],
    ['UNLINK', list, other, set, sorted, stream],
  ];
}

/**
 * Probes Redis.
 * @param redis a connection with role `probe` that is used for nothing else
 * @throws RedisUnavailableError with the reason why Redis cannot be used
 */
export async function probeRedis(redis: Redis, prefix: string): Promise<RedisFindings> {
  const { tag, identity } = redisKeys(prefix);
  const probe = `${tag}:probe:${randomUUID()}`;
  const failures: RedisFailure[] = [];
  const attempt = async <T>(call: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      failures.push(failureOrThrow(error));
      return undefined;
    }
  };
  const info = await readInfo(redis);
  failures.push(...(await runCommands(redis, (type) => `${probe}:${type}`, probe)));
  await attempt(async () => await redis.multi().exists(probe).exec());
  await attempt(async () => {
    await redis.subscribe(`${probe}:channel`);
    await redis.unsubscribe(`${probe}:channel`);
  });
  const failure = worst(failures) ?? info.failure;
  if (failure !== null) throw new RedisUnavailableError(failure);
  await redis.set(identity, randomUUID(), 'NX');
  return { warnings: info.warnings, identity: (await redis.get(identity)) ?? '', memory: info.memory };
}

async function runCommands(redis: Redis, key: (type: string) => string, value: string): Promise<RedisFailure[]> {
  const commands = probeCommands(key, value);
  const pipeline = redis.pipeline();
  for (const [name, ...args] of commands) pipeline.call(name, ...args);
  const replies = (await pipeline.exec()) ?? [];
  const failures: RedisFailure[] = [];
  for (const [at, [error]] of replies.entries()) {
    const failure = error === null ? null : redisFailureOf(error);
    if (failure === null) continue;
    // Error messages of Redis do not always contain the name of the command.
    failures.push(isOfCommand(failure) ? redisFailure(failure.kind, commands[at]?.[0]) : failure);
  }
  const [unknown] = replies.flatMap(([error]) => error ?? []);
  if (failures.length === 0 && unknown !== undefined) throw unknown;
  const read = replies[commands.findIndex(([name]) => name === 'GET')]?.[1];
  if (failures.length === 0 && read !== value) failures.push(redisFailure('inconsistent'));
  return failures;
}

const isOfCommand = ({ kind }: RedisFailure): boolean => kind === 'commandForbidden' || kind === 'commandMissing';

/** Returns one failure for all that were found; null if there is none. A failure of Redis as a whole comes before refused commands. */
function worst(failures: readonly RedisFailure[]): RedisFailure | null {
  const general =
    failures.find((failure) => !isOfCommand(failure) && !failure.isVague) ?? failures.find((failure) => !isOfCommand(failure));
  if (general !== undefined) return general;
  const [first] = failures;
  if (first === undefined) return null;
  const names = [...new Set(failures.filter(({ kind }) => kind === first.kind).map(({ detail }) => detail))];
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return redisFailure(first.kind, names.slice(0, mostNames).join(', ') + more);
}

function failureOrThrow(error: unknown): RedisFailure {
  const failure = redisFailureOf(error);
  if (failure === null) throw error;
  return failure;
}

interface Info {
  readonly failure: RedisFailure | null;
  readonly warnings: readonly string[];
  readonly memory: RedisMemory | null;
}

async function readInfo(redis: Redis): Promise<Info> {
  let text: string;
  try {
    text = await redis.info();
  } catch (error) {
    const failure = failureOrThrow(error);
    // Without permission for INFO, the other commands still show whether Redis can be used.
    if (!isOfCommand(failure)) throw new RedisUnavailableError(failure, { cause: error });
    return { failure: null, warnings: ['Redis does not allow INFO: make sure that its maxmemory-policy is noeviction.'], memory: null };
  }
  const fields = infoFields(text);
  const policy = fields.get('maxmemory_policy') ?? (await configured(redis, 'maxmemory-policy'));
  return { failure: misfit(fields, policy), warnings: warningsOf(fields, policy), memory: memoryOf(fields) };
}

function misfit(fields: ReadonlyMap<string, string>, policy: string | undefined): RedisFailure | null {
  const [major = 0, minor = 0] = (fields.get('redis_version') ?? leastVersion.join('.')).split('.').map(Number);
  if (major < leastVersion[0] || (major === leastVersion[0] && minor < leastVersion[1])) return redisFailure('tooOld');
  if (fields.get('role') === 'slave') return redisFailure('replica');
  if (policy?.startsWith('allkeys-')) return redisFailure('evictsJobs', policy);
  return null;
}

function warningsOf(fields: ReadonlyMap<string, string>, policy: string | undefined): string[] {
  const warnings: string[] = [];
  if (policy === undefined) warnings.push('Redis does not show its maxmemory-policy: make sure that it is noeviction.');
  else if (policy.startsWith('volatile-')) {
    warnings.push(`Redis has the maxmemory-policy ${policy}, which may delete leases and idempotency keys: set it to noeviction.`);
  }
  if (fields.get('cluster_enabled') === '1') {
    warnings.push(
      'Redis is a node of a Redis Cluster, which is not supported: it works only while this node holds the keys of the service.',
    );
  }
  return warnings;
}

/** Returns a setting of Redis; undefined if this user may not read it. */
async function configured(redis: Redis, name: string): Promise<string | undefined> {
  const reply: unknown = await redis.config('GET', name).catch(() => undefined);
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

export interface RedisMemory {
  readonly usedBytes: number;
  /** The maxmemory of Redis; null if it has no limit. */
  readonly maxBytes: number | null;
}

/** Redis is nearly full if it uses at least this share of its maxmemory. */
const nearlyFullShare = 0.9;

export function isNearlyFull(memory: RedisMemory | null): boolean {
  return memory !== null && memory.maxBytes !== null && memory.usedBytes >= nearlyFullShare * memory.maxBytes;
}

/** Returns the memory of Redis; null if Redis does not show it. The embedded Redis never does. */
export async function readRedisMemory(redis: Redis): Promise<RedisMemory | null> {
  const text = await redis.info('memory').catch((error: unknown) => {
    // The user of REDIS_URL may have no permission for INFO. Other causes make other commands fail, too.
    if (error instanceof Error && /^(?:NOPERM|ERR)\b/.test(error.message)) return '';
    throw error;
  });
  return memoryOf(infoFields(text));
}

/** Parses a reply of INFO. */
export function infoFields(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(/\r?\n/).map((line) => splitAt(line, ':')));
}

/** Returns the memory by the fields of INFO; null if they do not contain it. */
export function memoryOf(fields: ReadonlyMap<string, string>): RedisMemory | null {
  const [used, most] = ['used_memory', 'maxmemory'].map((name) => Number(fields.get(name) ?? NaN));
  if (used === undefined || most === undefined || !Number.isFinite(used) || !Number.isFinite(most)) return null;
  return { usedBytes: used, maxBytes: most > 0 ? most : null };
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
