// How much memory Redis uses of what it may use, as INFO says.
import type { Redis } from 'ioredis';

export interface RedisMemory {
  readonly usedBytes: number;
  /** Its maxmemory; null without a limit. */
  readonly maxBytes: number | null;
}

/** From this share of its maxmemory on, Redis counts as nearly full. */
const nearlyFullShare = 0.9;

export function isNearlyFull(memory: RedisMemory | null): boolean {
  return memory !== null && memory.maxBytes !== null && memory.usedBytes >= nearlyFullShare * memory.maxBytes;
}

/** The memory of a Redis; null if it does not show it, such as the embedded one. */
export async function readRedisMemory(redis: Redis): Promise<RedisMemory | null> {
  const text = await redis.info('memory').catch((error: unknown) => {
    // Its user may not be allowed INFO. Another reason shows in other commands too.
    if (error instanceof Error && /^(?:NOPERM|ERR)\b/.test(error.message)) return '';
    throw error;
  });
  return memoryOf(infoFields(text));
}

/** The fields of an answer of INFO. */
export function infoFields(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(/\r?\n/).map((line) => splitAt(line, ':')));
}

export function memoryOf(fields: ReadonlyMap<string, string>): RedisMemory | null {
  const [used, most] = ['used_memory', 'maxmemory'].map((name) => Number(fields.get(name) ?? NaN));
  if (used === undefined || most === undefined || !Number.isFinite(used) || !Number.isFinite(most)) return null;
  return { usedBytes: used, maxBytes: most > 0 ? most : null };
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
