// Names, stores, fetches and removes the checkpoints of a job. They are artifacts of the job. Each has a unique name, so that no attempt
// changes a checkpoint of another attempt. The job's record names the current one.
import {
  ArtifactError,
  type ArtifactStore,
  attemptOfCheckpoint,
  checkpointName,
  fetchArtifact,
  isCheckpointName,
  type JobAttempt,
} from '@trainyard/jobs';
import type { Logger } from 'pino';
import { type StorageWait, retryIfDamaged, retryStorage } from './storageWaits.ts';

export class CheckpointKeeper {
  readonly #artifacts: ArtifactStore;
  readonly #log: Logger;
  /** The number of the last checkpoint. All attempts of this run share it, so that each name is used once. */
  #number = 0;
  /** Whether the storage may still contain outdated checkpoints. */
  #hasOutdated = false;
  /** The name of the current checkpoint, as in the job's record. */
  current: string | null = null;

  constructor(artifacts: ArtifactStore, log: Logger) {
    this.#artifacts = artifacts;
    this.#log = log;
  }

  /** Returns the name for the next checkpoint. */
  nextName({ number }: JobAttempt): string {
    this.#number += 1;
    return checkpointName(number, this.#number);
  }

  /** Stores a finished file as an artifact of the job. */
  async store(jobId: string, name: string, file: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#artifacts.putFile(jobId, name, file, signal);
    } catch (error) {
      // The storage may contain the file although the call failed.
      this.#hasOutdated = true;
      throw error;
    }
  }

  /**
   * Copies an artifact to `file`. Waits while the storage is unavailable.
   * @returns false if the artifact is missing or damaged
   * @throws the reason of the signal that ended the wait
   */
  async fetch(jobId: string, name: string, file: string, wait: StorageWait): Promise<boolean> {
    const fetchOnce = async (signal: AbortSignal): Promise<void> =>
      await retryIfDamaged(async () => await fetchArtifact(this.#artifacts, { jobId, name }, file, { signal }), signal);
    try {
      await retryStorage(fetchOnce, wait);
      return true;
    } catch (error) {
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return false;
      if (error instanceof ArtifactError && error.code === 'damagedArtifact') {
        this.#log.error({ err: error }, 'an artifact is damaged');
        return false;
      }
      throw error;
    }
  }

  /** Removes an outdated checkpoint. If that fails, `sweep` removes it later. */
  async drop(jobId: string, name: string | null): Promise<void> {
    if (name === null) return;
    await this.#artifacts.delete(jobId, name).catch((error: unknown) => {
      this.#hasOutdated = true;
      this.#log.debug({ err: error, name }, 'an outdated checkpoint could not be removed; it is removed when the job ends');
    });
  }

  /**
   * Removes the checkpoints of the attempts before this one, except the job's current checkpoint. Checkpoints of later attempts are kept,
   * so a stale attempt may call this too.
   */
  async sweepEarlier({ jobId, number }: JobAttempt, wait: StorageWait): Promise<void> {
    const { current } = this;
    if (number > 1) await this.#sweep(jobId, wait, (name) => name !== current && (attemptOfCheckpoint(name) ?? number) < number);
  }

  /** Removes all checkpoints except the current one. Call it at the end of the job. Does nothing if there can be no other checkpoints. */
  async sweep({ jobId, number }: JobAttempt, wait: StorageWait): Promise<void> {
    if (number > 1 || this.#hasOutdated) await this.#sweep(jobId, wait, (name) => name !== this.current && isCheckpointName(name));
  }

  async #sweep(jobId: string, wait: StorageWait, isSuperfluous: (name: string) => boolean): Promise<void> {
    await retryStorage(async () => {
      for (const name of (await this.#artifacts.names(jobId)).filter(isSuperfluous)) await this.#artifacts.delete(jobId, name);
    }, wait);
  }
}
