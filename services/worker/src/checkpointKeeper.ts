// Where a job's checkpoints are kept: files among its artifacts, each under a name of its own, so that no attempt touches another
// one's. Which of them counts is the record's to say; this brings them there, fetches them and removes those that count no more.
import { rm } from 'node:fs/promises';
import { ArtifactError, type ArtifactStore, checkpointName, fetchArtifact, isCheckpointName, type JobAttempt } from '@trainyard/jobs';
import type { Logger } from 'pino';

export class CheckpointKeeper {
  readonly #artifacts: ArtifactStore;
  readonly #log: Logger;
  #number = 0;
  /** The name that the record points to. */
  current: string | null = null;

  constructor(artifacts: ArtifactStore, log: Logger) {
    this.#artifacts = artifacts;
    this.#log = log;
  }

  /** Makes a finished file an artifact of the job: whole or not at all. @returns its name, or why there is none. */
  async take(file: string, { jobId, number }: JobAttempt): Promise<string | ArtifactError> {
    this.#number += 1;
    const name = checkpointName(number, this.#number);
    try {
      await this.#artifacts.putFile(jobId, name, file);
      return name;
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      this.#log.warn({ err: error }, 'a checkpoint could not be stored');
      return error;
    } finally {
      await rm(file, { force: true });
    }
  }

  /** A copy of the checkpoint as a file, or null if it is gone or no longer what was stored. */
  async fetch(jobId: string, name: string): Promise<string | null> {
    const file = this.#artifacts.temporaryFile();
    try {
      await fetchArtifact(this.#artifacts, { jobId, name }, file);
      return file;
    } catch (error) {
      await rm(file, { force: true });
      if (error instanceof ArtifactError && error.code === 'artifactNotFound') return null;
      if (error instanceof ArtifactError && error.code === 'damagedArtifact') {
        this.#log.error({ err: error }, 'a checkpoint is damaged');
        return null;
      }
      throw error;
    }
  }

  /** Removes a file that counts no more. */
  async drop(jobId: string, name: string | null): Promise<void> {
    if (name === null) return;
    await this.#artifacts.delete(jobId, name).catch((error: unknown) => this.#log.warn({ err: error, name }, 'a checkpoint stays behind'));
  }

  /** Removes what attempts that were cut off left: all but the one that counts. */
  async sweep(jobId: string): Promise<void> {
    const names = await this.#artifacts.names(jobId);
    for (const name of names) if (isCheckpointName(name) && name !== this.current) await this.drop(jobId, name);
  }
}
