// The initial weights of a new job: checks whether the caller may use them and whether they fit the model, and copies them to the files of
// the job. If they cannot be used, the spec is invalid.
import { createHash } from 'node:crypto';
import type { Job } from '@trainyard/contracts';
import {
  fittedName,
  fitWeights,
  type GivenShape,
  metadataOfFit,
  selectWeights,
  type Unmatched,
  weightShapes,
} from '@trainyard/engine/formats';
import {
  canonicalJson,
  type InitialWeights,
  initialWeightsFile,
  type JobSpec,
  show,
  SpecError,
  torchvisionNames,
} from '@trainyard/engine/spec';
import type { ArtifactStore } from './artifacts/artifactStore.ts';
import { ArtifactError, WeightsNotFoundError } from './errors.ts';
import { trainedWeightsFile } from './jobAttempt.ts';
import type { JobStore, NewJob } from './jobStore.ts';
import { createPrepared, type ReservedFiles } from './reservedFiles.ts';
import type { Renames } from './renames/renames.ts';
import { copyWeights, type WeightsChange, type WeightsStore } from './weightsStore.ts';

export interface WeightSources {
  readonly jobs: JobStore;
  readonly weights: WeightsStore;
  readonly artifacts: ArtifactStore;
  readonly renames: Renames;
}

/** Weights that a new job can begin with. */
export interface PutWeights {
  /** The digest of the file or, for the weights of a job, of the bytes of its tensors. It also covers which tensors are used, and how. */
  readonly digest: string;
  /** Copies them to the files of a new job. */
  readonly put: (jobId: string) => Promise<void>;
}

/** Existing weights, and the place in the spec that names them. */
interface Source {
  readonly path: string;
  readonly tensors: readonly GivenShape[];
  readonly digest: string;
  /** @param change how the copy differs from the file; null if it does not */
  readonly put: (jobId: string, change: WeightsChange | null) => Promise<void>;
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
  const chosen = await choose(spec, spec.initialWeights, tensors, { renames: sources.renames, owner });
  const names = torchvisionNames(spec.model);
  const { allowMissing = false } = spec.initialWeights;
  const fit = fitWeights(weightShapes(spec), chosen.tensors, { names, allowMissing });
  if (fit.mismatches.length > 0) {
    const messages = [...fit.mismatches, ...chosen.unmatched.map(([option, text]) => `${option} ${show(text)} matches no name`)];
    throw new SpecError(messages.slice(0, 100).map((message) => ({ path, message, code: 'weightsMismatch' })));
  }
  const nameOf = fittedName(fit, names);
  const change: WeightsChange = {
    names: new Map(chosen.tensors.map(({ name, former }) => [former, nameOf(name)])),
    metadata: metadataOfFit({ ...fit, unmatched: chosen.unmatched }),
  };
  const isChanged =
    chosen.unmatched.length > 0 || change.names.size < tensors.length || [...change.names].some(([former, name]) => former !== name);
  return {
    digest: digestOf(spec.initialWeights, digest),
    put: async (jobId) => await put(jobId, isChanged ? change : null),
  };
}

/** A tensor that is loaded, with its name after the renames. */
interface ChosenTensor extends GivenShape {
  /** The name in the file. */
  readonly former: string;
}

/** Applies the renames and the patterns of the spec to the tensors of a file. */
async function choose(
  { model }: JobSpec,
  { rename, exclude, include }: InitialWeights,
  tensors: readonly GivenShape[],
  { renames, owner }: { readonly renames: Renames; readonly owner: string | undefined },
): Promise<{ readonly tensors: readonly ChosenTensor[]; readonly unmatched: readonly Unmatched[] }> {
  const former = tensors.map(({ name }) => name);
  const renamed = rename === undefined ? { names: former, unmatched: [] } : await renames.apply(owner ?? '', former, rename);
  const selected = selectWeights({ exclude, include }, renamed.names, torchvisionNames(model));
  return {
    tensors: tensors.flatMap((tensor, index) => {
      const name = renamed.names[index] ?? tensor.name;
      return selected.names.has(name) ? [{ ...tensor, name, former: tensor.name }] : [];
    }),
    unmatched: [...renamed.unmatched.map((index) => ['rename', rename?.[index]?.from ?? ''] as const), ...selected.unmatched],
  };
}

/** Returns the digest of the weights that a job begins with. Without options, it is the digest of the file. */
function digestOf({ rename, exclude, include, allowMissing }: InitialWeights, file: string): string {
  const options = { rename, exclude, include, allowMissing };
  if (Object.values(options).every((option) => option === undefined)) return file;
  return createHash('sha256')
    .update(canonicalJson({ file, ...options }))
    .digest('hex');
}

async function find(from: InitialWeights, owner: string | undefined, { jobs, weights, artifacts }: WeightSources): Promise<Source> {
  if ('weights' in from) {
    const path = '/initialWeights/weights';
    const unknown = new SpecError([
      { path, message: `there are no weights ${from.weights}: upload them with POST /weights`, code: 'unknownWeights' },
    ]);
    const found = await weights.get(from.weights, owner);
    if (found === null) throw unknown;
    const put: Source['put'] = async (jobId, change) => {
      await orIfGone(weights.copy(from.weights, { jobId, name: initialWeightsFile }, change), unknown);
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
  const put: Source['put'] = async (jobId, change) => {
    const [from, to] = [
      { jobId: job.id, name: trainedWeightsFile },
      { jobId, name: initialWeightsFile },
    ];
    await orIfGone(copyWeights(artifacts, from, to, change), untrained);
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
