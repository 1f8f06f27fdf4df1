// The interface of a store for the files of jobs and uploads. Uploaded weights and datasets have ids of their own and are treated like jobs
// here. Readers see a file completely or not at all.
import type { Readable } from 'node:stream';
import { ArtifactError } from '../errors.ts';

/** Ids of jobs, uploaded datasets and uploaded weights, which may have files. */
export const artifactHolder = /^(job|ds|wt)_[0-9A-HJKMNP-TV-Z]{26}$/;

/** Valid names of artifacts. */
export const artifactName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Checks the id of a holder and the name of an artifact. @throws ArtifactError `invalidArtifactName` if one of them is invalid */
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

/** Checks the id of a holder. @throws ArtifactError `invalidArtifactName` if it is invalid */
export function checkHolder(jobId: string): void {
  if (!artifactHolder.test(jobId)) {
    throw new ArtifactError('invalidArtifactName', jobId, 'this is not the id of a job, of weights or of a dataset');
  }
}

export interface ArtifactStat {
  readonly bytes: number;
  /** SHA-256 of the content, in hex. It is the ETag. */
  readonly sha256: string;
}

/** The place of an artifact. */
export interface ArtifactPlace {
  readonly jobId: string;
  readonly name: string;
}

/** The positions of the first and the last byte of a part. Both bytes belong to the part, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A store of the files of jobs and uploads. Every method throws an ArtifactError: with the code `invalidArtifactName` for an invalid job id
 * or name, and with `diskFull`, `storageDenied`, `storageReadOnly` or `storageUnavailable` if the storage cannot be used now (see
 * `isStorageAway`). Methods with a signal throw its reason as soon as it is aborted.
 */
export interface ArtifactStore {
  /**
   * Returns a path for a new file, from which `putFile` can move it. A file that is left there is removed when the store is closed or,
   * after a crash, at the next start.
   */
  temporaryFile(): string;

  /** Moves a finished file into the store. Replaces an existing artifact of this name. After an error the file is still at `path`. */
  putFile(jobId: string, name: string, path: string, signal?: AbortSignal): Promise<ArtifactStat>;

  /** Stores bytes. Replaces an existing artifact of this name. */
  putBytes(jobId: string, name: string, bytes: Uint8Array): Promise<ArtifactStat>;

  /** Returns the size and the digest of an artifact; null if it does not exist. */
  stat(jobId: string, name: string, signal?: AbortSignal): Promise<ArtifactStat | null>;

  /**
   * Returns the content as a stream, or the part `range` of it. Errors of the stream are ArtifactErrors too.
   * @throws ArtifactError `artifactNotFound` if the artifact does not exist
   * @throws ArtifactError `invalidRange` if the range is not within the file
   */
  open(jobId: string, name: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable>;

  /**
   * Copies an artifact to another job. Replaces an existing artifact of this name.
   * @throws ArtifactError `artifactNotFound` if there is no artifact to copy
   */
  copy(from: ArtifactPlace, to: ArtifactPlace): Promise<void>;

  /** Removes an artifact; does nothing if there is none. */
  delete(jobId: string, name: string): Promise<void>;

  /** Returns the names of a job's artifacts, sorted. */
  names(jobId: string): Promise<string[]>;

  /** Removes all artifacts of a job; does nothing if there are none. */
  deleteJob(jobId: string): Promise<void>;

  /** Checks the storage: writes, reads and removes a small file. Throws as the other methods do if the storage cannot be used. */
  check(signal?: AbortSignal): Promise<void>;

  /** Removes the unfinished files of this process. */
  close(): Promise<void>;
}
