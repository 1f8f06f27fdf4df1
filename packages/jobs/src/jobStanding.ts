// How far jobs have got, without their specs: for rankings of many jobs.
import { type EpochMetrics, type JobProgress, type JobStatus, jobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis/keys.ts';

export interface JobStanding {
  readonly id: string;
  readonly status: JobStatus;
  /** Of its spec. */
  readonly epochs: number;
  /** The metrics of the last epoch; null while there is none. */
  readonly latest: EpochMetrics | null;
}

/** Jobs whose fields are read with one pipeline. */
const pageSize = 100;

/** The standings of the jobs with these ids, in their order; null where there is no job. */
export async function readStandings(redis: Redis, keys: RedisKeys, jobIds: readonly string[]): Promise<(JobStanding | null)[]> {
  const standings: (JobStanding | null)[] = [];
  for (let from = 0; from < jobIds.length; from += pageSize) {
    const page = jobIds.slice(from, from + pageSize);
    const pipeline = redis.pipeline();
    for (const jobId of page) pipeline.hmget(keys.job(jobId), 'status', 'progress', 'latest');
    const replies = (await pipeline.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    standings.push(...page.map((id, at) => standingOf(id, replies[at]?.[1] as (string | null)[])));
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
