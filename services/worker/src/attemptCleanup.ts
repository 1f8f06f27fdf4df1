// Removes files of a job that are not needed any more. The removal runs in the background and may continue after the end of the attempt.
// A file that cannot be removed stays until the job is deleted.
import { type ArtifactStore, type JobAttempt, trainedWeightsFile } from '@trainyard/jobs';
import type { Logger } from 'pino';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import { type StorageOutage, type StorageWait, retryStorage } from './storageWaits.ts';

/** How long a removal is retried, in ms. */
const LONGEST_CLEANUP_MS = 600_000;

export interface CleanupOptions {
  readonly attempt: JobAttempt;
  readonly artifacts: ArtifactStore;
  readonly checkpoints: CheckpointKeeper;
  /** Reports outages of the storage for the whole worker. */
  readonly outage: StorageOutage;
  readonly abandoned: AbortSignal;
  readonly log: Logger;
}

export class AttemptCleanup {
  readonly #options: CleanupOptions;

  constructor(options: CleanupOptions) {
    this.#options = options;
  }

  /** Removes the checkpoints of earlier attempts, except the current one. */
  removeEarlier(): void {
    const { attempt, checkpoints } = this.#options;
    this.#begin(async (wait) => await checkpoints.sweepEarlier(attempt, wait));
  }

  /** Removes all checkpoints except the current one. */
  removeOldCheckpoints(): void {
    const { attempt, checkpoints } = this.#options;
    this.#begin(async (wait) => await checkpoints.sweep(attempt, wait));
  }

  /** Removes the model of a cancelled job. */
  removeModel(): void {
    const { attempt, artifacts } = this.#options;
    this.#begin(async (wait) => {
      await retryStorage(async () => await artifacts.delete(attempt.jobId, trainedWeightsFile), wait);
    });
  }

  #begin(work: (wait: StorageWait) => Promise<void>): void {
    const { abandoned, outage, log } = this.#options;
    const stop = AbortSignal.any([abandoned, AbortSignal.timeout(LONGEST_CLEANUP_MS)]);
    // Uses the outage of the worker, not the outage of the job, so that these waits are not written to the job's log.
    work({ stop, outage }).catch((error: unknown) => {
      log.info({ err: error }, 'files that are not needed stay until the job is deleted');
    });
  }
}
