// Takes jobs for workers: calls the claim scripts and turns their replies into claims.
import type { JobError, JobStatus } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine/spec';
import type { Redis } from 'ioredis';
import { JobAttempt } from './jobAttempt.ts';
import type { RedisKeys } from './redis/keys.ts';
import { type ClaimReply, claimJob, takeJob } from './scripts/attempts.ts';
import { leaseMs } from './trainQueue.ts';

/** The maximum number of attempts in a row without progress, that is without a new epoch or a checkpoint. After them the job fails. */
export const attemptsWithoutProgressAllowed = 3;

/** How long Redis stores which job a claim took, in ms. A repeated call within this time gets the same job. Longer than the lease. */
const rememberClaimMs = 60_000;

/** A job that was taken, and its attempt to run. */
export interface ClaimedJob {
  readonly outcome: 'claimed';
  readonly attempt: JobAttempt;
  readonly spec: JobSpec;
  /** The checkpoint to resume from, as the name of an artifact; null if there is none. */
  readonly checkpoint: string | null;
  /** See {@link traceparentOf}. Null if the request that created the job was not traced. */
  readonly traceparent: string | null;
}

/** The result of a claim: an attempt to run, or the reason why there is nothing to run. */
export type Claim =
  | ClaimedJob
  | { readonly outcome: 'cancelled' }
  | { readonly outcome: 'paused' }
  | { readonly outcome: 'crashLoop' }
  | { readonly outcome: 'refused'; readonly status: JobStatus }
  | { readonly outcome: 'missing' };

/** The end of this worker's previous attempt, which did not end the job. */
export interface PreviousEnd {
  readonly attempt: number;
  /** How that attempt ended. It becomes part of the job's error if the job fails with `crashLoop`. */
  readonly message: string;
  /** Whether the previous attempt counts as an attempt without progress. False if the job cannot be the reason why the attempt ended. */
  readonly isCounted: boolean;
}

export interface ClaimOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly worker: string;
  /** A unique id of this claim. Repeating a call with the same id makes only one attempt. */
  readonly claimId: string;
}

/** Takes a given job for a worker. From then on, writes of the job's earlier attempts are refused. */
export async function claimById(options: ClaimOptions, jobId: string, previous?: PreviousEnd): Promise<Claim> {
  const reply = await claimJob(options.redis, {
    ...claimArguments(options, previous?.message),
    jobId,
    previousAttempt: previous?.attempt ?? '',
    isCounted: previous?.isCounted === false ? 0 : 1,
  });
  return claimOf(options, jobId, reply);
}

/**
 * Takes the job that starts next.
 * @returns null if no job waits. `missingWakeUps`: the number of wake-ups to add to the queue
 */
export async function takeNext(
  options: ClaimOptions,
): Promise<{ readonly claim: Claim; readonly jobId: string; readonly missingWakeUps: number } | null> {
  const { redis, keys, claimId } = options;
  const taken = await takeJob(redis, { claimedJob: keys.claimedJob(claimId), ...claimArguments(options), rememberClaimMs });
  if (taken.length === 1) return null;
  const [jobId, missingWakeUps, reply] = taken;
  return { claim: claimOf(options, jobId, reply), jobId, missingWakeUps };
}

/** Returns the arguments of both claim scripts. */
function claimArguments({ keys, worker, claimId }: ClaimOptions, lastEnd?: string) {
  return {
    tag: keys.tag,
    worker,
    claimId,
    now: new Date().toISOString(),
    attemptsAllowed: attemptsWithoutProgressAllowed,
    crashLoopError: JSON.stringify(crashLoop(lastEnd)),
    leaseMs,
  };
}

function claimOf({ redis, keys }: ClaimOptions, jobId: string, reply: ClaimReply): Claim {
  switch (reply[0]) {
    case 'claimed': {
      const [outcome, number, specText, checkpointFile, trace] = reply;
      const spec = JSON.parse(specText) as JobSpec;
      const checkpoint = checkpointFile === '' ? null : checkpointFile;
      const isResumed = checkpoint !== null;
      const attempt = new JobAttempt({ redis, keys, jobId, attempt: number, epochs: spec.epochs, isResumed });
      return { outcome, attempt, spec, checkpoint, traceparent: trace === '' ? null : trace };
    }
    case 'refused':
      return { outcome: reply[0], status: reply[1] };
    case 'cancelled':
    case 'paused':
    case 'crashLoop':
    case 'missing':
      return { outcome: reply[0] };
  }
}

function crashLoop(lastEnd: string | undefined): JobError {
  const end =
    lastEnd === undefined
      ? "The job's log shows how each attempt ended. Try a smaller model, batch or data set, or a machine with more memory."
      : `The last one: ${lastEnd}`;
  return {
    code: 'crashLoop',
    message: `${attemptsWithoutProgressAllowed} attempts in a row ended without a new epoch or checkpoint. ${end}`,
    epoch: null,
    step: null,
  };
}
