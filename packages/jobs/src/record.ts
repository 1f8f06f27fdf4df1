// The record of a job in Redis (a hash of texts), the job as the API returns it, and an estimate of the Redis memory that a new job needs.
// Only the scripts change a record.
import {
  type EpochMetrics,
  isFinal,
  type Job,
  type JobCheckpoint,
  type JobProgress,
  type JobWebhook,
  jobStatus,
} from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine/spec';
import { reuseLabel } from './reuse.ts';

export type JobRecord = Readonly<Record<string, string | undefined>>;

/** The job that a new job retries, forks or verifies, and the checkpoint that the new job begins with. */
export interface Origin {
  readonly retryOf?: string;
  readonly forkOf?: string;
  readonly verifies?: string;
  readonly begun?: Begun;
}

/** A checkpoint that was copied to the artifacts of the new job. */
export interface Begun {
  /** The name of the artifact with the checkpoint. */
  readonly file: string;
  readonly checkpoint: JobCheckpoint;
  /** The bytes of the data of all events that were copied into the new job's stream. */
  readonly historyBytes: number;
  /** The metrics of the last epoch before the checkpoint; null if there is none. */
  readonly latest: EpochMetrics | null;
  /** The last epoch whose gradients were copied and announced; 0 if there is none. */
  readonly lastGradients: number;
}

/** The receiver of a webhook. The secret signs the messages; if it is null, the secret of the service signs them. */
export interface Webhook {
  readonly url: string;
  readonly secret: string | null;
}

/** The state of a webhook in the job's record. */
export type WebhookState = Omit<JobWebhook, 'url'>;

export const newWebhookState: WebhookState = { status: 'waiting', attempts: 0, lastAttemptAt: null, error: null };

/** The parts of a new job in addition to its spec and its origin. */
export interface RecordExtras {
  /** The id of the sweep that creates the job. */
  readonly sweep?: string;
  readonly webhook?: Webhook;
  /** See `reuseKeyOf`. If omitted, the job is never reused for a later request. */
  readonly reuseKey?: string;
  /** See `dataDigestOf`. */
  readonly dataDigest?: string;
  /** The traceparent with which the runs of the job continue the trace of the request that created it. */
  readonly traceparent?: string;
}

/** Returns the fields of a new job's record, without those that the script adds. */
export function newRecord(
  spec: JobSpec,
  owner: string,
  createdAt: Date,
  { retryOf, forkOf, verifies, begun }: Origin = {},
  { webhook, sweep, reuseKey, dataDigest, traceparent }: RecordExtras = {},
): Readonly<Record<string, string>> {
  const epoch = begun?.checkpoint.epoch ?? 0;
  const labels = listedLabels(spec, reuseKey, verifies);
  const progress: JobProgress = { epoch, epochs: spec.epochs, step: 0, stepsPerEpoch: 0, etaSeconds: null };
  return {
    spec: JSON.stringify(spec),
    owner,
    ...(labels.length > 0 && { labels: JSON.stringify(labels) }),
    createdAt: createdAt.toISOString(),
    progress: JSON.stringify(progress),
    lastEpoch: String(epoch),
    ...(retryOf !== undefined && { retryOf }),
    ...(forkOf !== undefined && { forkOf }),
    ...(verifies !== undefined && { verifies }),
    ...(reuseKey !== undefined && { reuseKey }),
    ...(dataDigest !== undefined && { dataDigest }),
    ...(sweep !== undefined && { sweep }),
    ...(traceparent !== undefined && { traceparent }),
    ...(webhook && { webhook: JSON.stringify(webhook) }),
    ...(begun && { checkpointFile: begun.file, checkpoint: JSON.stringify(begun.checkpoint) }),
    ...(begun && { lastGradients: String(begun.lastGradients) }),
    ...(begun?.latest && { latest: JSON.stringify(begun.latest) }),
  };
}

/**
 * Returns the job of a record; null if the record is empty, because the job does not exist.
 * @param position the job's position in the queue, from 1; null if it does not wait
 * @param known the job's spec, if it is already parsed
 */
export function jobOfRecord(jobId: string, record: JobRecord, position: number | null, known?: JobSpec): Job | null {
  if (record['status'] === undefined) return null;
  const status = jobStatus.parse(record['status']);
  const spec = known ?? json<JobSpec>(record, 'spec');
  const progress = json<JobProgress>(record, 'progress');
  return {
    id: jobId,
    name: spec.name ?? null,
    labels: spec.labels ?? {},
    notes: record['notes'] ?? null,
    status,
    phase: isFinal(status) ? null : ((record['phase'] as Job['phase'] | undefined) ?? null),
    queuePosition: status === 'queued' ? position : null,
    spec,
    createdAt: text(record, 'createdAt'),
    startedAt: record['startedAt'] ?? null,
    finishedAt: record['finishedAt'] ?? null,
    attempts: Number(text(record, 'attempt')),
    progress: isFinal(status) ? { ...progress, etaSeconds: null } : progress,
    checkpoint: optionalJson<JobCheckpoint>(record, 'checkpoint'),
    latest: optionalJson<NonNullable<Job['latest']>>(record, 'latest'),
    result: optionalJson<NonNullable<Job['result']>>(record, 'result'),
    error: optionalJson<NonNullable<Job['error']>>(record, 'error'),
    retryOf: record['retryOf'] ?? null,
    forkOf: record['forkOf'] ?? null,
    verifies: record['verifies'] ?? null,
    sweep: record['sweep'] ?? null,
    webhook: webhookOf(record, isFinal(status)),
    worker: record['worker'] ?? null,
  };
}

function webhookOf(record: JobRecord, isEnded: boolean): JobWebhook | null {
  const webhook = optionalJson<Webhook>(record, 'webhook');
  if (webhook === null) return null;
  const state = optionalJson<WebhookState>(record, 'webhookState') ?? { ...newWebhookState, status: isEnded ? 'pending' : 'waiting' };
  return { url: webhook.url, ...state };
}

function text(record: JobRecord, field: string): string {
  const value = record[field];
  if (value === undefined) throw new TypeError(`the record of a job has no field ${field}`);
  return value;
}

function json<T>(record: JobRecord, field: string): T {
  return JSON.parse(text(record, field)) as T;
}

function optionalJson<T>(record: JobRecord, field: string): T | null {
  return record[field] === undefined ? null : json<T>(record, field);
}

/** The estimated Redis memory of a job or a sweep, in bytes: its record and its entries in lists and queues, without its specs. */
export const recordMemory = 8_192;

/** The estimated Redis memory of one event, in bytes. */
export const eventMemory = 300;

/** Returns the estimated Redis memory of a job that has not ended, in bytes. It includes the events of all its epochs. */
export function jobMemory(specBytes: number, epochs: number): number {
  return recordMemory + specBytes + eventMemory * epochs;
}

/**
 * Returns the labels in whose lists a job is: those of its spec, in the format of `JobFilter.label`, and labels of the service.
 * @param verifies the job that this job verifies
 */
export function listedLabels(
  { labels = {} }: Pick<JobSpec, 'labels'>,
  reuseKey: string | undefined,
  verifies: string | undefined,
): string[] {
  return [
    ...Object.entries(labels).map(([key, value]) => `${key}:${value}`),
    ...(reuseKey === undefined ? [] : [reuseLabel(reuseKey)]),
    ...(verifies === undefined ? [] : [verifyLabel(verifies)]),
  ];
}

/** Returns the label that lists the jobs that verify a job. No label of a user begins with its first character. */
export function verifyLabel(jobId: string): string {
  return `\u007fverifies ${jobId}`;
}
