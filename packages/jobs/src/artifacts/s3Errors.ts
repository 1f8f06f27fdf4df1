// What an S3 server's refusal, or its silence, means.
import { S3ServiceException } from '@aws-sdk/client-s3';
import { ArtifactError, type ArtifactErrorCode } from '../errors.ts';
import type { ByteRange } from './artifactStore.ts';
import { systemCodeOf } from './storageErrors.ts';

/** The error of a storage that did not do what it was asked for. */
export function awayError(artifact: string, error: unknown): ArtifactError {
  const status = statusOf(error);
  const kind = error instanceof Error ? error.name : 'Error';
  const code: ArtifactErrorCode = status === 401 || status === 403 ? 'storageDenied' : 'storageUnavailable';
  const answer = status === undefined ? (systemCodeOf(error) ?? kind) : kind;
  return new ArtifactError(code, artifact, messageOf(answer, status), { cause: error });
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** @param answer the server's code, or the system's of a connection that failed */
function messageOf(answer: string, status: number | undefined): string {
  if (answer === 'NoSuchBucket') return 'the bucket does not exist (NoSuchBucket): create it, or correct ARTIFACTS_URL';
  if (status === 401 || status === 403) return `the S3 storage refuses these credentials (${answer}, status ${status})`;
  if (status === undefined) return `the S3 storage does not answer (${answer})`;
  return `the S3 storage did not do what it was asked for (${answer}, status ${status})`;
}

export function outside(artifact: string, { start, end }: ByteRange): ArtifactError {
  return new ArtifactError('invalidRange', artifact, `bytes ${start} to ${end} are not within it`);
}
