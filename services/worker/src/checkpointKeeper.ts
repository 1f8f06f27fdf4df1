// Where a job's checkpoints are kept: files among its artifacts, each under a name of its own, so that no attempt touches another
// one's. The job's record says which of them counts; this names them, fetches them and removes those that count no more.
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
import { type StorageWait, unlessDamaged, whenStored } from './storageWaits.ts';

export class CheckpointKeeper {
  readonly #artifacts: ArtifactStore;
  readonly #log: Logger;
  /** Of all attempts of the run: a name is used once. */
  #number = 0;
  /** Whether files may be there that count no more. */
  #isUntidy = false;
  /** The name that the record points to. */
  current: string | null = null;

  constructor(artifacts: ArtifactStore, log: Logger) {
    this.#artifacts = artifacts;
    this.#log = log;
  }

  /** The name for the next checkpoint. */
  nextName({ number }: JobAttempt): string {
    this.#number += 1;
    return checkpointName(number, this.#number);
  }

  /** Makes a finished file an artifact of the job. */
  async store(jobId: string, name: string, file: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#artifacts.putFile(jobId, name, file, signal);
    } catch (error) {
      // It may be there all the same.
      this.#isUntidy = true;
      throw error;
    }
  }

  /**
   * Puts a copy of an artifact at `file`; waits for a storage that is away.
   * @returns whether it is there: false if the artifact is gone or no longer what was stored
   * @throws the reason of a signal that ended the wait
   */
  async fetch(jobId: string, name: string, file: string, wait: StorageWait): Promise<boolean> {
    const fetchOnce = async (signal: AbortSignal): Promise<void> =>
      await unlessDamaged(async () => await fetchArtifact(this.#artifacts, { jobId, name }, file, { signal }), signal);
    try {
      await whenStored(fetchOnce, wait);
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

  /** Removes a file that counts no more. */
  async drop(jobId: string, name: string | null): Promise<void> {
    if (name === null) return;
    await this.#artifacts.delete(jobId, name).catch((error: unknown) => {
      this.#isUntidy = true;
      this.#log.debug({ err: error, name }, 'a checkpoint that counts no more is left for later');
    });
  }

  /** Removes what earlier attempts left, but for the checkpoint that counts. Harmless also for an attempt that counts no more. */
  async sweepEarlier({ jobId, number }: JobAttempt, wait: StorageWait): Promise<void> {
    const { current } = this;
    if (number > 1) await this.#sweep(jobId, wait, (name) => name !== current && (attemptOfCheckpoint(name) ?? number) < number);
  }

  /** At the job's end: removes what could not be removed before: all but the checkpoint that counts. */
  async sweep({ jobId, number }: JobAttempt, wait: StorageWait): Promise<void> {
    if (number > 1 || this.#isUntidy) await this.#sweep(jobId, wait, (name) => name !== this.current && isCheckpointName(name));
  }

  async #sweep(jobId: string, wait: StorageWait, isSuperfluous: (name: string) => boolean): Promise<void> {
    await whenStored(async () => {
      for (const name of (await this.#artifacts.names(jobId)).filter(isSuperfluous)) await this.#artifacts.delete(jobId, name);
    }, wait);
  }
}
