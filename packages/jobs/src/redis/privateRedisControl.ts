// Two questions to a private Redis, over a connection of their own: are you the one with this data, and please end.
import { Redis } from 'ioredis';

/**
 * Whether the Redis at `url` works on the data in `folder` and has loaded it. Asks again until `boundMs` have passed; once
 * if that is 0.
 */
export async function isServing(url: string, folder: string, boundMs: number): Promise<boolean> {
  const end = Date.now() + boundMs;
  const redis = new Redis(url, {
    retryStrategy: () => (Date.now() < end ? 25 : null),
    maxRetriesPerRequest: null,
    connectTimeout: 1_000,
    maxLoadingRetryTime: 100,
  });
  // Refused connections are what the retries are for.
  redis.on('error', () => undefined);
  try {
    const reply = await redis.config('GET', 'dir');
    return Array.isArray(reply) && reply[1] === folder;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

/** Asks it to write everything and end, and waits until it has, or until `boundMs` have passed. */
export async function shutDown(url: string, boundMs: number): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => null, connectTimeout: 1_000, enableReadyCheck: false });
  redis.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => redis.once('end', resolve));
  const bound = setTimeout(() => redis.disconnect(), boundMs);
  // Its answer is the end of the connection.
  redis.shutdown().catch(() => undefined);
  await ended;
  clearTimeout(bound);
}
