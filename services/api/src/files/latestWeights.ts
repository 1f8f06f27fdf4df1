// The weights of a job as they are now: its model, or while it has none its last checkpoint, which holds the same tensors under the
// same names. A running job replaces a checkpoint at any time, also while it is read.
import type { Job } from '@trainyard/contracts';
import { ArtifactError, type ArtifactStat, type ArtifactStore, type JobStore, trainedWeightsFile } from '@trainyard/jobs';
import { ProblemError } from '../problems.ts';

export interface WeightsFile extends ArtifactStat {
  readonly name: string;
  readonly from: 'model' | 'checkpoint';
}

export interface WeightsServices {
  readonly jobs: JobStore;
  readonly artifacts: ArtifactStore;
}

/** How often reading begins anew on the next checkpoint. */
const mostTries = 5;

/**
 * Does something with a job's latest weights, once more when they were replaced meanwhile.
 * @throws ProblemError 404 when there are none yet
 */
export async function withLatestWeights<T>(services: WeightsServices, job: Job, use: (file: WeightsFile) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const file = await find(services, job);
    if (file === null) {
      throw new ProblemError(
        'notFound',
        `${job.id} has no weights yet: it is ${job.status}, and they come with its first checkpoint or its end.`,
      );
    }
    try {
      return await use(file);
    } catch (error) {
      if (!(error instanceof ArtifactError && error.code === 'artifactNotFound') || tries === mostTries) throw error;
    }
  }
}

async function find({ jobs, artifacts }: WeightsServices, { id }: Job): Promise<WeightsFile | null> {
  const name = trainedWeightsFile;
  const model = await artifacts.stat(id, name);
  if (model !== null) return { ...model, name, from: 'model' };
  const checkpoint = await jobs.checkpointFile(id);
  const stat = checkpoint === null ? null : await artifacts.stat(id, checkpoint);
  return checkpoint === null || stat === null ? null : { ...stat, name: checkpoint, from: 'checkpoint' };
}
