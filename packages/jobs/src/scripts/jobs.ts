// The scripts that create jobs and change them for users and in place of lost workers, and those that repair and read the queue. The reply
// `refused` contains the current status.
import { type JobAction, jobActionNames, jobStatus } from '@trainyard/contracts';
import { z } from 'zod';
import { defineScript, overQuota, replies, words } from './script.ts';

export const createJob = defineScript({
  name: 'createJob',
  /** `idempotency`, `dataset`, `datasetUsers`: keys that are not used without an idempotency key or an uploaded dataset. */
  keys: ['job', 'events', 'files', 'idempotency', 'reservedFiles', 'dataset', 'datasetUsers'],
  args: [
    'tag',
    'jobId',
    /** The digest of the body; '' if the request has no idempotency key. */
    'digest',
    'idempotencySeconds',
    'nowMs',
    'priority',
    /** '1' if the id was reserved, else '0'. */
    'isReserved',
    /** '' if the job uses no uploaded dataset. */
    'datasetId',
    'owner',
    /** See {@link quotaText}. */
    'quotas',
    /** The bytes of each file by its name, as JSON. */
    'fileBytes',
    /** The estimated Redis memory. */
    'redisBytes',
  ],
  /** Fields and values of the record. */
  lists: ['record'],
  reply: z.union([
    /** The job's id, its position in the queue, and the number of missing wake-ups. */
    replies('created', z.string(), z.number(), z.number()),
    /** The id of the job that an earlier request with the same idempotency key created. `mismatch`: that request had another body. */
    replies('replayed', z.string()),
    replies('mismatch', z.string()),
    /** The reservation of the id has expired. */
    replies('expired', z.string()),
    /** The dataset does not exist. */
    replies('noDataset', z.string()),
    overQuota,
  ]),
});

const actionScript = (action: JobAction) =>
  defineScript({
    name: `${action}Job` as const,
    keys: ['job', 'actionRequests'],
    args: ['tag', 'jobId', 'now', 'nowMs'],
    reply: z.union([words('accepted', 'missing'), replies('refused', jobStatus)]),
  });

/** The script of each action that changes a job's status: lua/<action>Job.lua. Not every script uses all keys and arguments. */
export const actionScripts = Object.fromEntries(jobActionNames.map((action) => [action, actionScript(action)])) as Readonly<
  Record<JobAction, ReturnType<typeof actionScript>>
>;

export const deleteJob = defineScript({
  name: 'deleteJob',
  keys: ['job', 'events', 'files', 'reservedFiles'],
  args: ['tag', 'jobId', 'nowMs'],
  reply: z.union([words('deleted', 'missing'), replies('refused', jobStatus)]),
});

export const describeJob = defineScript({
  name: 'describeJob',
  keys: ['job', 'files'],
  /** `labels`: see `newLabels`; `notes`: '' if there are none; `quotas`: see {@link quotaText}. */
  args: ['tag', 'jobId', 'specBefore', 'notesBefore', 'spec', 'labels', 'notes', 'quotas'],
  /** `changed`: the job no longer has the spec and the notes before the change. */
  reply: z.union([words('described', 'missing', 'changed'), overQuota]),
});

export const settleJob = defineScript({
  name: 'settleJob',
  keys: ['job', 'lease', 'actionRequests'],
  args: ['tag', 'jobId', 'now'],
  /** `held`: a worker has the job; `none`: the job is neither `cancelling` nor `pausing`. */
  reply: words('settled', 'held', 'none'),
});

export const reapJob = defineScript({
  name: 'reapJob',
  keys: ['job', 'lease'],
  args: ['tag', 'jobId'],
  /** `held`: a worker has the job; `none`: the job is not running. */
  reply: words('reaped', 'held', 'none'),
});

export const adoptWaitingJobs = defineScript({
  name: 'adoptWaitingJobs',
  keys: ['formerWaiting'],
  args: ['tag', 'pageSize'],
  /** The number of jobs that are left. */
  reply: z.number(),
});

export const countMissingWakeUps = defineScript({ name: 'countMissingWakeUps', args: ['tag'], reply: z.number() });

export const interruptLostJobs = defineScript({
  name: 'interruptLostJobs',
  keys: ['running', 'interrupted'],
  /** `after`: the id after which to begin; '' = at the first job. */
  args: ['tag', 'after', 'pageSize'],
  /** The `after` of the next call ('' = all jobs are checked), and the ids of the interrupted jobs. */
  reply: z.tuple([z.string(), z.array(z.string())]),
});

export const readStandings = defineScript({
  name: 'readStandings',
  args: ['tag'],
  lists: ['jobIds'],
  /** The status, the progress and the last metrics of each job. */
  reply: z.array(z.string().nullable()),
});

export const readPositions = defineScript({ name: 'readPositions', args: ['tag'], lists: ['jobIds'], reply: z.array(z.number()) });
