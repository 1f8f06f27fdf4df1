// Makes what is kept of single epochs artifacts of their job. Whether an attempt still counts does not matter to them: whoever
// trains an epoch gets the same document.
import { rm } from 'node:fs/promises';
import { ArtifactError, type ArtifactStore, type SnapshotKind, snapshotName } from '@trainyard/jobs';
import type { Logger } from 'pino';

export class SnapshotKeeper {
  readonly #artifacts: ArtifactStore;
  readonly #log: Logger;

  constructor(artifacts: ArtifactStore, log: Logger) {
    this.#artifacts = artifacts;
    this.#log = log;
  }

  /** Stores a finished file with the documents of these epochs, in their order. @returns its name and size, or why there is none. */
  async take(
    file: string,
    jobId: string,
    kind: SnapshotKind,
    epochs: readonly number[],
  ): Promise<{ readonly name: string; readonly bytes: number } | ArtifactError> {
    const name = snapshotName(kind, epochs[0] ?? 0, epochs.at(-1) ?? 0);
    try {
      const { bytes } = await this.#artifacts.putFile(jobId, name, file);
      return { name, bytes };
    } catch (error) {
      if (!(error instanceof ArtifactError)) throw error;
      this.#log.warn({ err: error }, `the ${kind} of epochs could not be stored`);
      return error;
    } finally {
      await rm(file, { force: true });
    }
  }
}
