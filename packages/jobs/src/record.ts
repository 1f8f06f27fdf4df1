// The record of a job as Redis holds it (a hash of texts) and as everyone else sees it. Only the scripts change it.
import type { Job, JobProgress } from '@trainyard/contracts';
import { isFinal, jobStatus } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine';

export type JobRecord = Readonly<Record<string, string | undefined>>;

/** What a new job's record holds beside what its script adds. */
export function newRecord(spec: JobSpec, owner: string, createdAt: Date) {
  const progress: JobProgress = { epoch: 0, epochs: spec.epochs, step: 0, stepsPerEpoch: 0, etaSeconds: null };
  return { spec: JSON.stringify(spec), owner, createdAt: createdAt.toISOString(), progress: JSON.stringify(progress) };
}

/**
 * The job that a record holds, or null for the empty record of a job that does not exist.
 * `rank` is its place among the waiting jobs, 0 first, null if it is not among them; `known` is its spec, where that need
 * not be parsed.
 */
export function jobOfRecord(jobId: string, record: JobRecord, rank: number | null, known?: JobSpec): Job | null {
  if (record['status'] === undefined) return null;
  const status = jobStatus.parse(record['status']);
  const spec = known ?? json<JobSpec>(record, 'spec');
  const progress = json<JobProgress>(record, 'progress');
  return {
    id: jobId,
    name: spec.name ?? null,
    labels: spec.labels ?? {},
    status,
    phase: isFinal(status) ? null : ((record['phase'] as Job['phase'] | undefined) ?? null),
    queuePosition: status === 'queued' && rank !== null ? rank + 1 : null,
    spec,
    createdAt: text(record, 'createdAt'),
    startedAt: record['startedAt'] ?? null,
    finishedAt: record['finishedAt'] ?? null,
    attempts: Number(text(record, 'attempt')),
    progress: isFinal(status) ? { ...progress, etaSeconds: null } : progress,
    latest: optionalJson<NonNullable<Job['latest']>>(record, 'latest'),
    result: optionalJson<NonNullable<Job['result']>>(record, 'result'),
    error: optionalJson<NonNullable<Job['error']>>(record, 'error'),
    retryOf: null,
    worker: record['worker'] ?? null,
  };
}

function text(record: JobRecord, field: string): string {
  const value = record[field];
  if (value === undefined) throw new TypeError(`a job's record lacks its ${field}`);
  return value;
}

function json<T>(record: JobRecord, field: string): T {
  return JSON.parse(text(record, field)) as T;
}

function optionalJson<T>(record: JobRecord, field: string): T | null {
  return record[field] === undefined ? null : json<T>(record, field);
}
