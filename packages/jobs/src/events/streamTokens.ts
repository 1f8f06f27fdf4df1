// Tokens for one event stream each: a browser's own EventSource sends no headers, so it can't send a key. Any API process
// takes a token that another one issued. Only digests are stored, so nobody reads a token out of Redis.
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { runScript } from '../scripts/script.ts';
import { createStreamToken, openStreamToken } from '../scripts/streamTokens.ts';

/** How long a new token may wait for its first use, in seconds. */
const beginSeconds = 60;

/** How long a token lives after it was last used, in seconds: an EventSource comes back with the same address. */
const idleSeconds = 7 * 24 * 60 * 60;

/** How long a token lives after the job's end, in ms. */
const afterEndMs = 60 * 60 * 1_000;

/** Most tokens of a key; the oldest go for new ones. */
const tokensPerKey = 10_000;

/** The key that a token was issued to, and stands for. */
export interface TokenHolder {
  readonly name: string;
  /** The key's own digest: a token ends with its key, also when another key gets the same name. */
  readonly sha256: string;
}

export interface StreamToken {
  readonly token: string;
  /** When it expires unless a stream has begun with it. */
  readonly expiresAt: Date;
}

export class StreamTokens {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;

  constructor(options: { readonly redis: Redis; readonly prefix: string }) {
    this.#redis = options.redis;
    this.#keys = redisKeys(options.prefix);
  }

  /** A new token for the events of a job. */
  async issue(jobId: string, holder: TokenHolder): Promise<StreamToken> {
    const token = `tys_${randomBytes(32).toString('base64url')}`;
    const digest = digestOf(token);
    const now = Date.now();
    await runScript(
      this.#redis,
      createStreamToken,
      [this.#keys.streamToken(digest), this.#keys.streamTokensOf(holder.name)],
      [digest, jobId, holder.name, holder.sha256, now, beginSeconds, tokensPerKey],
    );
    return { token, expiresAt: new Date(now + beginSeconds * 1_000) };
  }

  /** Begins or resumes the stream of a job's events: the key that the token stands for; null if it is not, or no longer, valid. */
  async open(token: string, jobId: string): Promise<TokenHolder | null> {
    const digest = digestOf(token);
    const [outcome, name, sha256] = await runScript(
      this.#redis,
      openStreamToken,
      [this.#keys.streamToken(digest), this.#keys.job(jobId)],
      [digest, jobId, Date.now(), idleSeconds, afterEndMs, this.#keys.streamTokensOf('')],
    );
    return outcome === 'open' ? { name: String(name), sha256: String(sha256) } : null;
  }
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
