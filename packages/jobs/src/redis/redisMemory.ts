// Reads from INFO how much memory Redis uses and how much it may use.
import type { Redis } from 'ioredis';

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
