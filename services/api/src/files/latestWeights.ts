// Finds the latest weights of a job. A job with a model: the weights of the model. Before that: the weights of the last checkpoint. Both
// files have the same tensors with the same names. A running job may replace its checkpoint while the checkpoint is read.
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

/** How many times the weights are read if a new checkpoint replaces them each time. */
const mostTries = 5;

/**
 * Calls `use` with the latest weights of a job. If the file is replaced meanwhile, calls `use` again with the new file.
 * @throws ProblemError 404 if the job has no weights yet
 */
export async function withLatestWeights<T>(services: WeightsServices, job: Job, use: (file: WeightsFile) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const file = await find(services, job);
    if (file === null) {
      throw new ProblemError(
        'notFound',
        `${job.id} has no weights yet: it is ${job.status}. Weights are stored with the first checkpoint or at the end.`,
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
