// How a worker comes by a job: what the scripts that decide answer, and the attempt that comes of it.
import type { JobError, JobStatus } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { JobAttempt } from './jobAttempt.ts';
import type { RedisKeys } from './redis/keys.ts';
import { claimJob, takeJob } from './scripts/claimJob.ts';
import { type Reply, runScript } from './scripts/script.ts';
import { leaseMs } from './trainQueue.ts';

/** How often a job may be begun without an epoch or a checkpoint to show for it. */
export const fruitlessAttemptsAllowed = 3;

/** How long it is known what a claim took, in ms, for a call that is sent again. After that, the job's lease has run out anyway. */
const takenMs = 60_000;

/** The attempt to run. */
export interface ClaimedJob {
  readonly outcome: 'claimed';
  readonly attempt: JobAttempt;
  readonly spec: JobSpec;
  /** The artifact to go on from. */
  readonly checkpoint: string | null;
  /** See {@link traceparentOf}. Null where nobody traced the request that made the job. */
  readonly traceparent: string | null;
}

/** What claiming a job comes to: the attempt to run, or why there is nothing to run. */
export type Claim =
  | ClaimedJob
  | { readonly outcome: 'cancelled' }
  | { readonly outcome: 'paused' }
  | { readonly outcome: 'crashLoop' }
  | { readonly outcome: 'refused'; readonly status: JobStatus }
  | { readonly outcome: 'missing' };

/** How this worker's previous attempt ended, if it did not end the job. */
export interface PreviousEnd {
  readonly attempt: number;
  /** The message for the job's error, if this becomes a crash loop. */
  readonly message: string;
  /** Whether it counts as an attempt without progress. False if the job cannot be the cause. */
  readonly isCounted: boolean;
}

export interface ClaimOptions {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly worker: string;
  /** Names this claim, so that a call that is sent twice, after a lost connection, is one attempt. */
  readonly claimId: string;
}

/** Takes a certain job for a worker, and fences off whoever had it before. */
export async function claimById(options: ClaimOptions, jobId: string, previous?: PreviousEnd): Promise<Claim> {
  const { redis, keys } = options;
  const reply = await runScript(
    redis,
    claimJob,
    [keys.job(jobId), keys.events(jobId), keys.lease(jobId), ...keys.ending],
    [...claimArguments(options, previous?.message), jobId, previous?.attempt ?? '', previous?.isCounted === false ? '0' : '1'],
  );
  return claimOf(options, jobId, reply);
}

/** Takes the job that is to start next. @returns null if no job waits; `missingWakeUps`: how many are to be added to the queue */
export async function takeNext(
  options: ClaimOptions,
): Promise<{ readonly claim: Claim; readonly jobId: string; readonly missingWakeUps: number } | null> {
  const { redis, keys, claimId } = options;
  const [outcome, jobId, missing, ...values] = await runScript(
    redis,
    takeJob,
    [keys.taken(claimId), ...keys.ending],
    [...claimArguments(options), keys.tag, takenMs],
  );
  if (outcome === 'none') return null;
  return { claim: claimOf(options, String(jobId), [outcome, ...values]), jobId: String(jobId), missingWakeUps: Number(missing) };
}

/** What both scripts begin with. */
function claimArguments({ keys, worker, claimId }: ClaimOptions, lastEnd?: string): (string | number)[] {
  const error = JSON.stringify(crashLoop(lastEnd));
  return [keys.eventChannel, worker, new Date().toISOString(), fruitlessAttemptsAllowed, error, claimId, leaseMs];
}

function claimOf({ redis, keys }: ClaimOptions, jobId: string, [outcome, ...values]: Reply): Claim {
  switch (outcome) {
    case 'claimed': {
      const spec = JSON.parse(String(values[1])) as JobSpec;
      const checkpoint = values[2] === '' ? null : String(values[2]);
      const traceparent = values[3] === '' ? null : String(values[3]);
      const [number, isResumed] = [Number(values[0]), checkpoint !== null];
      const attempt = new JobAttempt({ redis, keys, jobId, attempt: number, epochs: spec.epochs, isResumed });
      return { outcome, attempt, spec, checkpoint, traceparent };
    }
    case 'refused':
      return { outcome, status: values[0] as JobStatus };
    case 'cancelled':
    case 'paused':
    case 'crashLoop':
    case 'missing':
      return { outcome };
    default:
      throw new TypeError(`claim answered ${outcome}`);
  }
}

function crashLoop(lastEnd: string | undefined): JobError {
  const end =
    lastEnd === undefined
      ? "The job's log says how each of them ended; a smaller model, batch or data set may get through, or a machine with more memory."
      : `The last one: ${lastEnd}`;
  return {
    code: 'crashLoop',
    message: `${fruitlessAttemptsAllowed} attempts in a row ended without an epoch or a checkpoint to show for it. ${end}`,
    epoch: null,
    step: null,
  };
}
