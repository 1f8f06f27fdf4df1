// The initial weights of a new job: checks whether the caller may use them and whether they fit the model, and copies them to the files of
// the job. If they cannot be used, the spec is invalid.

import type { Job } from '@trainyard/contracts';
import { fitWeights, type GivenShape, weightShapes } from '@trainyard/engine/formats';
import { type InitialWeights, initialWeightsFile, type JobSpec, SpecError } from '@trainyard/engine/spec';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import { ArtifactError, WeightsNotFoundError } from './errors.ts';
import { trainedWeightsFile } from './jobAttempt.ts';
import type { JobStore, NewJob } from './jobStore.ts';
import { createPrepared, type ReservedFiles } from './reservedFiles.ts';
import { copyWithoutPrefix, type WeightsStore } from './weightsStore.ts';

export interface WeightSources {
  readonly jobs: JobStore;
  readonly weights: WeightsStore;
  readonly artifacts: ArtifactStore;
}

/** Weights that a new job can begin with. */
export interface PutWeights {
  /** The digest of the file or, for the weights of a job, of the bytes of its tensors. */
  readonly digest: string;
  /** Copies them to the files of a new job. */
  readonly put: (jobId: string) => Promise<void>;
}

/** Existing weights, and the place in the spec that names them. */
interface Source {
  readonly path: string;
  readonly tensors: readonly GivenShape[];
  readonly digest: string;
  /** @param removedPrefix the prefix to remove from the names of the tensors */
  readonly put: (jobId: string, removedPrefix: string) => Promise<void>;
}

/**
 * Finds the initial weights of a spec, and checks that they fit its model.
 * @param owner only this owner's jobs and weights may be used; undefined: the jobs and weights of all owners may be used
 * @returns null if the spec names no weights
 * @throws SpecError with a list of the tensors that do not fit
 */
export async function initialWeightsOf(spec: JobSpec, owner: string | undefined, sources: WeightSources): Promise<PutWeights | null> {
  if (spec.initialWeights === undefined) return null;
  const { path, tensors, digest, put } = await find(spec.initialWeights, owner, sources);
  const { mismatches, prefix } = fitWeights(weightShapes(spec), tensors);
  if (mismatches.length > 0) throw new SpecError(mismatches.slice(0, 100).map((message) => ({ path, message, code: 'weightsMismatch' })));
  return { digest, put: async (jobId) => await put(jobId, prefix) };
}

async function find(from: InitialWeights, owner: string | undefined, { jobs, weights, artifacts }: WeightSources): Promise<Source> {
  if ('weights' in from) {
    const path = '/initialWeights/weights';
    const unknown = new SpecError([
      { path, message: `there are no weights ${from.weights}: upload them with POST /weights`, code: 'unknownWeights' },
    ]);
    const found = await weights.get(from.weights, owner);
    if (found === null) throw unknown;
    const put: Source['put'] = async (jobId, removedPrefix) => {
      await orIfGone(weights.copy(from.weights, { jobId, name: initialWeightsFile }, removedPrefix), unknown);
    };
    const tensors = found.tensors.map(({ name, shape, dtype }) => ({ name, shape, isWhole: dtype === 'I64' }));
    return { path, tensors, digest: found.sha256, put };
  }
  const path = '/initialWeights/job';
  const job = await jobs.get(from.job, owner);
  if (job === null) throw new SpecError([{ path, message: `there is no job ${from.job}`, code: 'unknownJob' }]);
  const message = `${job.id} has no trained weights: it is ${job.status}, and only a job that succeeded has them`;
  const untrained = new SpecError([{ path, message, code: 'noWeights' }]);
  if (job.status !== 'succeeded') throw untrained;
  const put: Source['put'] = async (jobId, removedPrefix) => {
    const [from, to] = [
      { jobId: job.id, name: trainedWeightsFile },
      { jobId, name: initialWeightsFile },
    ];
    await orIfGone(copyWithoutPrefix(artifacts, from, to, removedPrefix), untrained);
  };
  return { path, tensors: weightShapes(job.spec), digest: job.result?.weightsSha256 ?? job.id, put };
}

/** Creates a job that begins with these weights; null: with random ones. @throws what {@link JobStore.create} throws, and SpecError */
export async function createWith(
  weights: PutWeights | null,
  services: WeightSources & { readonly reservedFiles: ReservedFiles },
  request: Omit<NewJob, 'jobId' | 'origin' | 'files'>,
): Promise<{ readonly job: Job; readonly replayed: boolean }> {
  if (weights === null) return await services.jobs.create(request);
  return await createPrepared(services, request, async (jobId) => {
    await weights.put(jobId);
    return {};
  });
}

/** Waits for the copy. @throws `error` if the weights were deleted meanwhile */
async function orIfGone(copy: Promise<void>, error: SpecError): Promise<void> {
  await copy.catch((reason: unknown) => {
    const isGone = reason instanceof WeightsNotFoundError || (reason instanceof ArtifactError && reason.code === 'artifactNotFound');
    throw isGone ? error : reason;
  });
}
