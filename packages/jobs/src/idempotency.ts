// Idempotency keys: under which key in Redis a request is remembered that may be sent twice, and whether two bodies are the same.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis/keys.ts';

/** How long an idempotency key is remembered. */
export const idempotencySeconds = 24 * 60 * 60;

export interface Idempotency {
  /** The caller's own. */
  readonly key: string;
  /** The body as it was sent, before defaults and a drawn seed. */
  readonly body: unknown;
}

/** Names the memory of an owner's key. */
function idempotencyDigest(owner: string, { key }: Idempotency): string {
  return sha256(canonicalJson([owner, key]));
}

/** The key of that memory in Redis; without an idempotency key, of one that is never written. */
export function memoryOf(keys: RedisKeys, owner: string, idempotency: Idempotency | undefined): string {
  return keys.idempotency(idempotency === undefined ? 'none' : idempotencyDigest(owner, idempotency));
}

/** What an earlier request with the key made, and whether that said the same; null without one. What was made may be gone since. */
export async function madeBefore(
  redis: Redis,
  keys: RedisKeys,
  owner: string,
  idempotency: Idempotency,
): Promise<{ readonly id: string; readonly isSame: boolean } | null> {
  const seen = await redis.get(memoryOf(keys, owner, idempotency));
  const [digest, id] = seen?.split(' ') ?? [];
  return id === undefined ? null : { id, isSame: digest === bodyDigest(idempotency) };
}

/** The same for bodies that say the same. */
export function bodyDigest({ body }: Idempotency): string {
  return sha256(canonicalJson(body));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** JSON with the fields of every object in code unit order and no white space. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    field !== null && typeof field === 'object' && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
