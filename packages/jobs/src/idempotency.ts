// Idempotency keys for requests that may be sent twice: the Redis key under which a request is stored, and the comparison of two bodies.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis/keys.ts';

/** How long an idempotency key is stored, in seconds. */
export const idempotencySeconds = 24 * 60 * 60;

export interface Idempotency {
  /** The key that the caller sent. */
  readonly key: string;
  /** The body as it was sent, before defaults and a random seed are filled in. */
  readonly body: unknown;
}

/** Returns a digest of the owner and its idempotency key. It is part of the key in Redis. */
function idempotencyDigest(owner: string, { key }: Idempotency): string {
  return sha256(canonicalJson([owner, key]));
}

/** Returns the Redis key under which the request is stored. Without an idempotency key, returns a key that is never written. */
export function memoryOf(keys: RedisKeys, owner: string, idempotency: Idempotency | undefined): string {
  return keys.idempotency(idempotency === undefined ? 'none' : idempotencyDigest(owner, idempotency));
}

/**
 * Looks for an earlier request with the same idempotency key. Returns the id of the job or sweep that it created, which may have been
 * deleted since, and whether its body was the same. Returns null if there was no such request.
 */
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

/** Returns a digest that is the same for bodies with the same content. */
export function bodyDigest({ body }: Idempotency): string {
  return sha256(canonicalJson(body));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
