// Tokens for event streams, because a browser's EventSource can't send an API key in a header. A token is for the stream of one job. Every
// API process accepts it. Only digests are stored, so that Redis contains no usable token.
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { createStreamToken, openStreamToken } from '../scripts/owners.ts';

/** How long a new token may wait for its first use, in seconds. */
const beginSeconds = 60;

/** Lifetime of a token after its last use, in seconds. It is long because an EventSource reconnects with the same URL. */
const idleSeconds = 7 * 24 * 60 * 60;

/** Lifetime of a token after the end of its job, in ms. */
const afterEndMs = 60 * 60 * 1_000;

/** The maximum number of tokens of an API key. If there are so many, a new token replaces the token that expires first. */
const tokensPerKey = 10_000;

/** The API key that created a token. */
export interface TokenHolder {
  readonly name: string;
  /** The digest of the API key. If the key is removed, the token becomes invalid, even if a new key has the same name. */
  readonly sha256: string;
}

export interface StreamToken {
  readonly token: string;
  /** The time at which the token expires if no stream has begun with it. */
  readonly expiresAt: Date;
}

export class StreamTokens {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** Creates a token for the events of a job. */
  async issue(jobId: string, holder: TokenHolder): Promise<StreamToken> {
    const token = `tys_${randomBytes(32).toString('base64url')}`;
    const digest = digestOf(token);
    const now = Date.now();
    await createStreamToken(this.#redis, {
      token: this.#keys.streamToken(digest),
      tokensOfKey: this.#keys.streamTokensOf(holder.name),
      tag: this.#keys.tag,
      digest,
      jobId,
      keyName: holder.name,
      keyDigest: holder.sha256,
      nowMs: now,
      beginSeconds,
      mostTokens: tokensPerKey,
    });
    return { token, expiresAt: new Date(now + beginSeconds * 1_000) };
  }

  /** Uses a token for the event stream of a job. Returns the API key that created it; null if the token is invalid. */
  async open(token: string, jobId: string): Promise<TokenHolder | null> {
    const digest = digestOf(token);
    const [outcome, name, sha256] = await openStreamToken(this.#redis, {
      token: this.#keys.streamToken(digest),
      job: this.#keys.job(jobId),
      tag: this.#keys.tag,
      digest,
      jobId,
      nowMs: Date.now(),
      idleSeconds,
      afterEndMs,
    });
    return outcome === 'open' ? { name, sha256 } : null;
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
