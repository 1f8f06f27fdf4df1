// Finds jobs and sweeps that ended before a given time, by the sorted sets of their ids. Ids sort by time of creation.
import type { Redis } from 'ioredis';
import { encodeTime } from 'ulid';

/** The last time that an id can contain, in ms. */
const lastTime = 2 ** 48 - 1;

export interface EndedOptions {
  /** The sorted set with the ids. */
  readonly list: string;
  /** The prefix of the ids. */
  readonly kind: 'job' | 'sweep';
  /** Returns the key of a record, which has the field `finishedAt`. */
  readonly record: (id: string) => string;
  /** In ms. */
  readonly time: number;
  readonly limit: number;
}

/** Returns the lowest id of a job or a sweep that is created at this time (ms). */
export function firstIdAt(kind: EndedOptions['kind'], time: number): string {
  return `${kind}_${encodeTime(Math.min(Math.max(0, time), lastTime), 10)}`;
}

/** Returns ids of jobs or sweeps that ended before `time`, in order of creation: fewer than 2 × `limit`. */
export async function endedBefore(redis: Redis, { list, kind, record, time, limit }: EndedOptions): Promise<string[]> {
  const ended: string[] = [];
  for (let from = '-'; ; ) {
    // What ended before `time` was also created before it. Of these, some may have ended later.
    const page = await redis.zrange(list, from, `(${firstIdAt(kind, time)}`, 'BYLEX', 'LIMIT', 0, limit);
    const ends = await Promise.all(page.map(async (id) => await redis.hget(record(id), 'finishedAt')));
    ended.push(...page.filter((_, at) => Date.parse(ends[at] ?? '') < time));
    if (page.length < limit || ended.length >= limit) return ended;
    from = `(${page.at(-1)}`;
  }
}
