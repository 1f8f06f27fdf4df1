// Converts errors of S3 into ArtifactErrors.
import { S3ServiceException } from '@aws-sdk/client-s3';
import { ArtifactError, type ArtifactErrorCode } from '../errors.ts';
import type { ByteRange } from './artifactStore.ts';
import { systemCodeOf } from './storageErrors.ts';

/** Returns the error of a request that the S3 storage refused or did not answer. A retry may help, except for `artifactTooLarge`. */
export function awayError(artifact: string, error: unknown): ArtifactError {
  const status = statusOf(error);
  const kind = error instanceof Error ? error.name : 'Error';
  const answer = status === undefined ? (systemCodeOf(error) ?? kind) : kind;
  return new ArtifactError(codeOf(answer, status), artifact, messageOf(answer, status), { cause: error });
}

function codeOf(answer: string, status: number | undefined): ArtifactErrorCode {
  if (isTooLarge(answer, status)) return 'artifactTooLarge';
  return status === 401 || status === 403 ? 'storageDenied' : 'storageUnavailable';
}

/** Whether the storage refused a file because of its size. */
function isTooLarge(answer: string, status: number | undefined): boolean {
  return status === 413 || answer === 'EntityTooLarge';
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** @param answer the error code of the server or, if the connection failed, of the system (such as ECONNRESET) */
function messageOf(answer: string, status: number | undefined): string {
  if (answer === 'NoSuchBucket') return 'the bucket does not exist (NoSuchBucket): create it, or correct ARTIFACTS_URL';
  if (isTooLarge(answer, status)) return `the file is larger than the S3 storage allows (${answer}): raise its limit`;
  if (status === 401 || status === 403) {
    // S3 also responds with 403 for a missing file, if the credentials have no right to list the bucket.
    const rights = 's3:GetObject, s3:PutObject and s3:DeleteObject on its objects, and s3:ListBucket on the bucket';
    return `the S3 storage refuses these credentials (${answer}, status ${status}): they need ${rights}`;
  }
  if (status === undefined) return `the S3 storage does not answer (${answer})`;
  return `the S3 storage did not do what it was asked for (${answer}, status ${status})`;
}

export function outside(artifact: string, { start, end }: ByteRange): ArtifactError {
  return new ArtifactError('invalidRange', artifact, `bytes ${start} to ${end} are not within it`);
}
