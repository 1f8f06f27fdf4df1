// Reads many jobs: the ids of a page of a list, jobs and sweeps that ended before a time, and the status and metrics of jobs. The scripts
// keep a sorted set for every filter, so reading a page takes the same time for any number of jobs. Ids sort by time of creation.
import { type EpochMetrics, type JobProgress, type JobStatus, jobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { encodeTime } from 'ulid';
import type { RedisKeys } from './redis/keys.ts';
import * as scripts from './scripts/jobs.ts';

export interface JobFilter {
  /** Only jobs of this owner; default: of all owners. */
  readonly owner?: string | undefined;
  readonly status?: JobStatus | undefined;
  /** A label as `key:value`. */
  readonly label?: string | undefined;
  /** Only jobs created after this time (ms). */
  readonly createdAfter?: number | undefined;
  readonly createdBefore?: number | undefined;
}

export interface ListOptions extends JobFilter {
  readonly limit: number;
  /** The last id of the previous page. Default: the first page. */
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

export interface JobStanding {
  readonly id: string;
  readonly status: JobStatus;
  /** The number of epochs in the job's spec. */
  readonly epochs: number;
  /** The metrics of the last finished epoch; null before the first one. */
  readonly latest: EpochMetrics | null;
}

/** The maximum number of jobs that one call of the script reads, so that other commands of Redis are not delayed. */
const pageSize = 100;

/** Reads the standings of jobs, in the order of their ids; null for an id without a job. */
export async function readStandings(redis: Redis, keys: RedisKeys, jobIds: readonly string[]): Promise<(JobStanding | null)[]> {
  const standings: (JobStanding | null)[] = [];
  for (let from = 0; from < jobIds.length; from += pageSize) {
    const page = jobIds.slice(from, from + pageSize);
    const values = await scripts.readStandings(redis, { tag: keys.tag, jobIds: page });
    standings.push(...page.map((id, at) => standingOf(id, values.slice(3 * at, 3 * at + 3))));
  }
  return standings;
}

function standingOf(id: string, [status, progress, latest]: readonly (string | null)[]): JobStanding | null {
  if (typeof status !== 'string' || typeof progress !== 'string') return null;
  return {
    id,
    status: jobStatus.parse(status),
    epochs: (JSON.parse(progress) as JobProgress).epochs,
    latest: typeof latest === 'string' ? (JSON.parse(latest) as EpochMetrics) : null,
  };
}

/** The last time that an id can contain, in ms. */
const lastTime = 2 ** 48 - 1;

export interface EndedOptions {
  /** The sorted set with the ids. */
  readonly list: string;
  /** The prefix of the ids. */
  readonly kind: 'job' | 'sweep';
  /** Returns the key of a record, which has the field `finishedAt`. */
  readonly record: (id: string) => string;
  /** The time in ms. Only jobs or sweeps that ended before it are returned. */
  readonly time: number;
  /** The maximum number of ids that one command reads. */
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
    // A job that ended before `time` was also created before it. Jobs of this page that ended later are skipped below.
    const page = await redis.zrange(list, from, `(${firstIdAt(kind, time)}`, 'BYLEX', 'LIMIT', 0, limit);
    const ends = await Promise.all(page.map(async (id) => await redis.hget(record(id), 'finishedAt')));
    ended.push(...page.filter((_, at) => Date.parse(ends[at] ?? '') < time));
    if (page.length < limit || ended.length >= limit) return ended;
    from = `(${page.at(-1)}`;
  }
}

/** The maximum number of bytes of records on a page. A page with only one record may have more. */
export const longestPageBytes = 2 * 2 ** 20;

/**
 * Returns the ids of a page: as many as fit into `limit` and 2 MiB, but at least one.
 * @param found the ids from the beginning of the page on; one more than `limit` if there are more
 * @param fields returns the hash fields that hold most of a record's bytes
 */
export async function fittingPage(
  redis: Redis,
  found: readonly string[],
  limit: number,
  fields: (id: string) => readonly (readonly [hash: string, field: string])[],
): Promise<{ readonly page: readonly string[]; readonly hasMore: boolean }> {
  const candidates = found.slice(0, limit);
  const places = candidates.map((id) => fields(id));
  const pipeline = redis.pipeline();
  for (const [hash, field] of places.flat()) pipeline.hstrlen(hash, field);
  const replies = (await pipeline.exec()) ?? [];
  for (const [error] of replies) if (error) throw error;
  let bytes = 0;
  let at = 0;
  const cut = candidates.findIndex((_, index) => {
    for (const _place of places[index] ?? []) bytes += Number(replies[at++]?.[1] ?? 0);
    return index > 0 && bytes > longestPageBytes;
  });
  const page = cut < 0 ? candidates : candidates.slice(0, cut);
  return { page, hasMore: found.length > page.length };
}
