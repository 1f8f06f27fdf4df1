// Under what a request is remembered that may come twice: whose key it was, and what it asked for.
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonicalJson.ts';

export interface Idempotency {
  /** The caller's own. */
  readonly key: string;
  /** The body as it was sent, before defaults and a drawn seed. */
  readonly body: unknown;
}

/** Names the memory of an owner's key. */
export function idempotencyDigest(owner: string, { key }: Idempotency): string {
  return sha256(canonicalJson([owner, key]));
}

/** The same for bodies that say the same. */
export function bodyDigest({ body }: Idempotency): string {
  return sha256(canonicalJson(body));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
