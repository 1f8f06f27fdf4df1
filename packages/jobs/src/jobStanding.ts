// The status and the latest metrics of jobs, without their specs. Used to rank many jobs.
import { type EpochMetrics, type JobProgress, type JobStatus, jobStatus } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import type { RedisKeys } from './redis/keys.ts';

export interface JobStanding {
  readonly id: string;
  readonly status: JobStatus;
  /** The number of epochs in the job's spec. */
  readonly epochs: number;
  /** The metrics of the last finished epoch; null before the first one. */
  readonly latest: EpochMetrics | null;
}

/** Most jobs that one pipeline reads. */
const pageSize = 100;

/** Reads the standings of jobs, in the order of their ids; null for an id without a job. */
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
