// Fetches the files that a job needs from the artifact storage before training: its uploaded dataset, the checkpoint that it resumes from
// and its initial weights. Waits while the storage is unavailable. If the checkpoint is missing, the job is trained from the beginning.
import { initialWeightsFile } from '@trainyard/engine/spec';
import type { JobError } from '@trainyard/contracts';
import type { Claim } from '@trainyard/jobs';
import type { AttemptFiles } from './attemptFiles.ts';
import type { CheckpointKeeper } from './checkpointKeeper.ts';
import { type StorageWait, retryStorage } from './storageWaits.ts';
import type { UploadedData } from './uploadedData.ts';

export interface TrainingInputs {
  readonly resumeFile: string | null;
  readonly initialFile: string | null;
  /** Whether the job's last checkpoint is missing or damaged. */
  readonly isCheckpointLost: boolean;
}

const initialWeightsGone: JobError = {
  code: 'initialWeightsGone',
  message: "the file with the job's initial weights is missing or damaged; submit the job again",
  epoch: null,
  step: null,
};

/**
 * Fetches the input files of a job.
 * @returns the files, or the reason why the job cannot be trained
 * @throws the reason of the signal that ended the wait
 */
export async function fetchInputs(
  { attempt, spec, checkpoint }: Extract<Claim, { outcome: 'claimed' }>,
  { uploads, checkpoints, files }: { readonly uploads: UploadedData; readonly checkpoints: CheckpointKeeper; readonly files: AttemptFiles },
  wait: StorageWait,
): Promise<TrainingInputs | { readonly error: JobError }> {
  const { jobId } = attempt;
  const error = await retryStorage(async (signal) => await uploads.provide(spec.data, signal), wait);
  if (error !== null) return { error };
  const isResumed = checkpoint !== null && (await checkpoints.fetch(jobId, checkpoint, files.resume, wait));
  if (isResumed) return { resumeFile: files.resume, initialFile: null, isCheckpointLost: false };
  const hasInitial = spec.initialWeights !== undefined;
  if (hasInitial && !(await checkpoints.fetch(jobId, initialWeightsFile, files.initial, wait))) return { error: initialWeightsGone };
  return { resumeFile: null, initialFile: hasInitial ? files.initial : null, isCheckpointLost: checkpoint !== null };
}
