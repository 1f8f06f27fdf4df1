// How a worker comes by a job that was delivered to it: what the one script that decides answers, and the attempt that comes of it.
import type { JobError, JobStatus } from '@trainyard/contracts';
import type { JobSpec } from '@trainyard/engine';
import type { Redis } from 'ioredis';
import { JobAttempt } from './jobAttempt.ts';
import type { RedisKeys } from './redis/keys.ts';
import { claimJob } from './scripts/claimJob.ts';
import { runScript } from './scripts/script.ts';

/** How often a job may be begun without an epoch or a checkpoint to show for it. */
export const fruitlessAttemptsAllowed = 3;

/** What a delivery comes to: the attempt to run, or why there is nothing to run. */
export type Claim =
  | {
      readonly outcome: 'claimed';
      readonly attempt: JobAttempt;
      readonly spec: JobSpec;
      /** The artifact to go on from. */
      readonly checkpoint: string | null;
      /** See {@link traceparentOf}. Null where nobody traced the request that made the job. */
      readonly traceparent: string | null;
    }
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

/**
 * Takes a delivered job for a worker, and fences off whoever had it before.
 * @param options `claimId`: this call's own, by which one that is sent twice, after a lost connection, is one attempt
 */
export async function claimDelivery(
  { redis, keys, claimId }: { readonly redis: Redis; readonly keys: RedisKeys; readonly claimId: string },
  jobId: string,
  worker: string,
  previous?: PreviousEnd,
): Promise<Claim> {
  const [outcome, ...values] = await runScript(
    redis,
    claimJob,
    [keys.job(jobId), keys.events(jobId), keys.waiting, keys.outbox, ...keys.ending],
    [
      jobId,
      keys.eventChannel,
      worker,
      new Date().toISOString(),
      fruitlessAttemptsAllowed,
      JSON.stringify(crashLoop(previous?.message)),
      claimId,
      previous?.attempt ?? '',
      previous?.isCounted === false ? '0' : '1',
    ],
  );
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
