// The interface of a store for the files of jobs and uploads. Uploaded weights and datasets have ids of their own and are treated like jobs
// here. A file appears completely or not at all.
import type { Readable } from 'node:stream';
import { ArtifactError } from '../errors.ts';

/** Who may have files: a job, an uploaded dataset, uploaded weights; by its prefixed ULID. */
export const artifactHolder = /^(job|ds|wt)_[0-9A-HJKMNP-TV-Z]{26}$/;

/** What an artifact may be called. */
export const artifactName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** @throws ArtifactError `invalidArtifactName` for a holder or a name that cannot be one */
export function checkPlace(jobId: string, name: string): void {
  if (!artifactName.test(name)) {
    throw new ArtifactError(
      'invalidArtifactName',
      `${jobId}/${name}`,
      'a name has up to 100 letters, digits, dots, dashes and underscores',
    );
  }
  checkHolder(jobId);
}

/** @throws ArtifactError `invalidArtifactName` for an id that cannot be one */
export function checkHolder(jobId: string): void {
  if (!artifactHolder.test(jobId)) {
    throw new ArtifactError('invalidArtifactName', jobId, 'this is not the id of a job, of weights or of a dataset');
  }
}

export interface ArtifactStat {
  readonly bytes: number;
  /** Of the content, in hex; serves as the ETag. */
  readonly sha256: string;
}

/** Where an artifact is. */
export interface ArtifactPlace {
  readonly jobId: string;
  readonly name: string;
}

/** Positions of the first and the last byte, both inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Every method throws an ArtifactError with the code `invalidArtifactName` for an invalid job id or name, and with `diskFull`,
 * `storageDenied`, `storageReadOnly` or `storageUnavailable` if the storage cannot be used now (see `isStorageAway`). Methods with a signal
 * throw its reason as soon as it is aborted.
 */
export interface ArtifactStore {
  /**
   * Returns a path for a new file, from which `putFile` can move it. A file that is left there is removed when the store is closed or, after
   * a crash, at the next start.
   */
  temporaryFile(): string;

  /** Moves a finished file into the store. Replaces an existing artifact of this name. After an error the file is still at `path`. */
  putFile(jobId: string, name: string, path: string, signal?: AbortSignal): Promise<ArtifactStat>;

  /** Stores bytes. Replaces an existing artifact of this name. */
  putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat>;

  /** Size and digest, or null if there is no such artifact. */
  stat(jobId: string, name: string, signal?: AbortSignal): Promise<ArtifactStat | null>;

  /**
   * The content, or the part of it that `range` names. Errors while it is read are ArtifactErrors too.
   * @throws ArtifactError `artifactNotFound`; `invalidRange` for one that is not within the file
   */
  open(jobId: string, name: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable>;

  /**
   * Makes an artifact of one job also one of another, in place of one that had the name.
   * @throws ArtifactError `artifactNotFound`
   */
  copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void>;

  /** Removes an artifact; does nothing if there is none. */
  delete(jobId: string, name: string): Promise<void>;

  /** The names of a job's artifacts, in their order; none if there are none. */
  names(jobId: string): Promise<string[]>;

  /** Removes all artifacts of a job; does nothing if there are none. */
  deleteJob(jobId: string): Promise<void>;

  /** Writes, reads and removes a small file of its own. Throws as the other methods do when the storage cannot be used. */
  check(signal?: AbortSignal): Promise<void>;

  /** Removes what this process left unfinished. */
  close(): Promise<void>;
}
