// Resumes a run from a checkpoint. With the same spec the run continues bit for bit. With a changed spec, each part that no longer fits
// starts again. The checkpoint is refused only if its weights do not fit or if it is after the end of the run.
import { backend } from '../backend/current.ts';
import { ArgumentError } from '../errors.ts';
import type { SavedParameterState } from '../optim/optimizer.ts';
import { Tensor } from '../tensor.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import type { Learner } from './learner.ts';
import type { JobSpec } from './jobSpec.ts';
import { versionAfter } from '../version.ts';
import { loadWeights, WeightsError } from './weights.ts';

/**
 * Writes the weights and the optimizer state of a checkpoint into a new learner.
 * @returns log messages about parts that start again and about a changed engine version
 * @throws CheckpointError if the checkpoint is of another model or is after the end of the run
 */
export function restoreCheckpoint(checkpoint: Checkpoint, spec: JobSpec, learner: Learner): readonly string[] {
  const { epochsDone, epoch } = checkpoint.state;
  if (epochsDone + (epoch === null ? 0 : 1) > spec.epochs) {
    throw new CheckpointError(
      `the checkpoint lies in epoch ${epochsDone + 1}, after the run's end: use at least ${epochsDone + (epoch === null ? 0 : 1)} epochs`,
    );
  }
  const notes: string[] = [];
  const { engineVersion } = backend();
  learner.engineVersion = versionAfter(checkpoint.engineVersion, engineVersion);
  if (learner.engineVersion !== checkpoint.engineVersion) {
    notes.push(`the checkpoint was made by engine ${checkpoint.engineVersion}: from here on this is engine ${engineVersion}`);
  }
  try {
    loadWeights(learner.model, checkpoint.weights);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new CheckpointError(`the checkpoint is another model's: ${error.mismatches.join('; ')}`, { cause: error });
  }
  if (!restoreOptimizer(checkpoint, spec, learner)) notes.push('the optimizer begins anew: what it remembered is of another kind');
  return notes;
}

/** Loads the optimizer's state. @returns whether it fits the optimizer */
function restoreOptimizer(checkpoint: Checkpoint, spec: JobSpec, { trained: parameters, optimizer }: Learner): boolean {
  const saved = parameters.map(([name]): SavedParameterState | null => checkpoint.optimizer.get(name) ?? null);
  try {
    optimizer.load(saved);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    if (checkpoint.isOf('optimizer', spec)) throw new CheckpointError(`the checkpoint is damaged: ${error.message}`, { cause: error });
    optimizer.load(parameters.map(() => null));
    return false;
  }
  parameters.forEach(([, parameter], i) => {
    // The parameter had a gradient, so it gets zeros to which new gradients are added. Without them a −0 would stay −0 instead of becoming
    // 0.
    if (saved[i] !== null) parameter.grad = Tensor.persistent(backend().allocatePersistent(parameter.size), parameter.shape);
  });
  return true;
}
