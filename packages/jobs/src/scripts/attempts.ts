// The scripts of workers: taking jobs, and the writes of an attempt. After another worker has taken over the job, or the job has ended, a
// write replies `stale` and changes nothing.
import { finalStatuses, jobStatus } from '@trainyard/contracts';
import { z } from 'zod';
import { defineScript, replies, words } from './script.ts';

/** The arguments of both scripts that take a job. */
const claimArgs = [
  'tag',
  'worker',
  'claimId',
  /** RFC 3339. */
  'now',
  /** Attempts allowed without progress. */
  'attemptsAllowed',
  /** The error (JSON) of a job that has used up these attempts. */
  'crashLoopError',
  'leaseMs',
] as const;

/** The result of a claim. */
const claimReply = z.union([
  /** Number of the attempt, spec, checkpoint file ('' = none), traceparent ('' = none). */
  replies('claimed', z.number(), z.string(), z.string(), z.string()),
  /**
   * `cancelled`, `paused`: a cancel or a pause was requested, and is now done. `crashLoop`: the job has used up its attempts, and has
   * failed now.
   */
  words('cancelled', 'paused', 'crashLoop', 'missing'),
  /** A job with this status cannot run. */
  replies('refused', jobStatus),
]);

export type ClaimReply = z.infer<typeof claimReply>;

export const claimJob = defineScript({
  name: 'claimJob',
  args: [
    ...claimArgs,
    'jobId',
    /** The number of this worker's previous attempt, which has ended; '' = none. */
    'previousAttempt',
    /** '1' if that attempt counts as one without progress, else '0'. */
    'isCounted',
  ],
  reply: claimReply,
});

export const takeJob = defineScript({
  name: 'takeJob',
  /** `claimedJob`: the job that this claim took. */
  keys: ['claimedJob'],
  /** `rememberClaimMs`: how long to remember the job that this claim took. */
  args: [...claimArgs, 'rememberClaimMs'],
  reply: z.union([
    /** No job waits. */
    words('none'),
    /** The job's id, the number of missing wake-ups, and the reply of `claimJob`. */
    z.tuple([z.string(), z.number(), claimReply]),
  ]),
});

export const renewLease = defineScript({
  name: 'renewLease',
  keys: ['job', 'lease', 'interrupted'],
  args: ['attempt', 'jobId', 'leaseMs'],
  reply: z.union([replies('held', jobStatus), words('stale')]),
});

export const releaseJob = defineScript({
  name: 'releaseJob',
  keys: ['job'],
  args: ['attempt', 'tag', 'jobId', 'now'],
  reply: words('released', 'cancelled', 'paused', 'stale'),
});

export const finishJob = defineScript({
  name: 'finishJob',
  keys: ['job', 'files'],
  /** `final`: the requested status. `detail`: the result or the error (JSON), '' = none. */
  args: ['attempt', 'tag', 'jobId', 'now', 'final', 'detail', 'modelFile', 'modelBytes'],
  /** `refused`: the requested status is `cancelled`, but no cancel was requested. */
  reply: z.union([replies('finished', z.enum(finalStatuses)), replies('refused', jobStatus), words('stale')]),
});

export const setPhase = defineScript({ name: 'setPhase', keys: ['job'], args: ['attempt', 'phase'], reply: words('written', 'stale') });

export const publishStep = defineScript({
  name: 'publishStep',
  keys: ['job'],
  /** `data` and `progress` are JSON. */
  args: ['attempt', 'tag', 'jobId', 'epoch', 'data', 'progress'],
  /** `duplicate`: the epoch is already in the history. */
  reply: words('published', 'duplicate', 'stale'),
});

export const appendEpoch = defineScript({
  name: 'appendEpoch',
  keys: ['job', 'totals'],
  /** `data`, `metrics` and `progress` are JSON. `seconds`: the training time. */
  args: ['attempt', 'tag', 'jobId', 'epoch', 'data', 'metrics', 'progress', 'samples', 'seconds'],
  /** `appended`: the id of the event. `gap`: the last epoch in the history; an epoch between the two is missing. */
  reply: z.union([replies('appended', z.string()), words('duplicate', 'stale'), replies('gap', z.number())]),
});

export const appendLog = defineScript({
  name: 'appendLog',
  keys: ['job'],
  /** `data` is JSON. `line`: the number of the line in its attempt. */
  args: ['attempt', 'tag', 'jobId', 'data', 'line'],
  /** `appended`: the id of the event. `duplicate`: a line with this number or a higher one is already in the log. */
  reply: z.union([replies('appended', z.string()), words('duplicate', 'stale')]),
});

export const storeCheckpoint = defineScript({
  name: 'storeCheckpoint',
  keys: ['job', 'files'],
  /** `epoch`, `step`: the numbers of finished epochs and steps. `checkpoint`: JSON for the record. `data`: JSON of the event. */
  args: ['attempt', 'tag', 'jobId', 'epoch', 'step', 'file', 'checkpoint', 'data'],
  /** `stored`: the file that it replaces ('' = none). `gap`: the last epoch in the history; the checkpoint is after that epoch. */
  reply: z.union([replies('stored', z.string()), words('stale'), replies('gap', z.number())]),
});

export const announceGradients = defineScript({
  name: 'announceGradients',
  keys: ['job'],
  args: ['attempt', 'tag', 'jobId'],
  lists: ['epochs'],
  /** The number of new epochs. */
  reply: z.union([replies('announced', z.number()), words('stale')]),
});

export const compareData = defineScript({
  name: 'compareData',
  keys: ['job'],
  /** `dataDigest`: the digest of the data that the attempt found; '' if it is not known. */
  args: ['attempt', 'tag', 'jobId', 'dataDigest'],
  /** `same`: the data is the same, or the job has no reuse key. */
  reply: words('same', 'other', 'stale'),
});

export const countFile = defineScript({
  name: 'countFile',
  keys: ['job', 'files'],
  args: ['tag', 'name', 'bytes'],
  /** `missing`: the job was deleted. */
  reply: words('counted', 'missing'),
});
