// Converts an error of the storage that a retry cannot solve to the `error` of the job's record.
import type { JobError } from '@trainyard/contracts';
import { ArtifactError } from '@trainyard/jobs';
import { describeError } from './runError.ts';

export function describeStoreError(error: unknown): JobError {
  if (error instanceof ArtifactError && error.code === 'artifactTooLarge') {
    return { code: error.code, message: error.reason, epoch: null, step: null };
  }
  return describeError(error).error;
}
