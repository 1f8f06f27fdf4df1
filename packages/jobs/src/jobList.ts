// Which jobs a list has, by their ids alone. For every filter there is a sorted set that the scripts keep, so a page costs the same
// however many jobs there are; and ids sort by time of creation, so times are bounds of a range.
import type { JobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { firstIdAt } from './endedBefore.ts';
import type { RedisKeys } from './redis/keys.ts';

export interface JobFilter {
  /** Only this owner's jobs; left out, everybody's. */
  readonly owner?: string | undefined;
  readonly status?: JobStatus | undefined;
  /** A label as `key:value`. */
  readonly label?: string | undefined;
  /** Only jobs made after this time (ms), to the millisecond. */
  readonly createdAfter?: number | undefined;
  readonly createdBefore?: number | undefined;
}

export interface ListOptions extends JobFilter {
  readonly limit: number;
  /** The last id of the page before. */
  readonly after?: string | undefined;
}

/** Returns the ids of a page, newest first; one more than the limit if there are more jobs. */
export async function listJobIds(redis: Redis, keys: RedisKeys, options: ListOptions): Promise<string[]> {
  const { owner, status, label, limit, after, createdAfter, createdBefore } = options;
  const [least, most] = [
    createdAfter === undefined ? null : firstIdAt('job', createdAfter + 1),
    createdBefore === undefined ? null : firstIdAt('job', createdBefore),
  ];
  const upper = [most, after].filter((id) => typeof id === 'string').toSorted()[0];
  return await redis.zrange(
    keys.list(owner, status, label),
    upper === undefined ? '+' : `(${upper}`,
    least === null ? '-' : `[${least}`,
    'BYLEX',
    'REV',
    'LIMIT',
    0,
    limit + 1,
  );
}

/** The labels of a spec as lists are asked for them. */
export function labelTexts(labels: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(labels ?? {}).map(([key, value]) => `${key}:${value}`);
}
