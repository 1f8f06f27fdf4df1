// How a run takes a checkpoint up. With the spec that the checkpoint was made with it goes on bit for bit; with one that was
// changed, each part that no longer fits begins anew, and only weights that do not fit are refused.
import { ReferenceBackend } from '../backend/reference.ts';
import { backend, withBackend } from '../backend/current.ts';
import { describeData } from '../data/datasets/index.ts';
import { ArgumentError } from '../errors.ts';
import { buildModel } from '../nn/layers/index.ts';
import type { SavedParameterState } from '../optim/optimizer.ts';
import { Tensor } from '../tensor.ts';
import { Undrawn } from './undrawn.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import type { Learner } from './learner.ts';
import type { JobSpec } from './jobSpec.ts';
import { versionAfter } from '../version.ts';
import type { NamedShape } from './fitWeights.ts';
import { loadWeights, WeightsError } from './weights.ts';

/**
 * Writes a checkpoint's weights and optimizer state into a fresh learner.
 * @returns what a run of a changed spec should say: what begins anew, if anything.
 * @throws CheckpointError when the checkpoint is another model's or lies beyond the run's end.
 */
export function takeUp(checkpoint: Checkpoint, spec: JobSpec, learner: Learner): readonly string[] {
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
  if (!takeUpOptimizer(checkpoint, spec, learner)) notes.push('the optimizer begins anew: what it remembered is of another kind');
  return notes;
}

/** @returns whether it fits. */
function takeUpOptimizer(checkpoint: Checkpoint, spec: JobSpec, { model, optimizer }: Learner): boolean {
  const parameters = model.namedParameters();
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
    // There was a gradient: added to zeros, −0 becomes 0, so that one that is there or not makes a difference in a bit.
    if (saved[i] !== null) parameter.grad = Tensor.persistent(backend().allocatePersistent(parameter.size), parameter.shape);
  });
  return true;
}

/**
 * Names and shapes of all that a spec's model learns, without making it: nothing is drawn, and memory that nobody touches costs
 * nothing.
 */
export function weightShapes(spec: Pick<JobSpec, 'data' | 'model'>): readonly NamedShape[] {
  return withBackend(new ReferenceBackend(), () => {
    const model = buildModel(spec.model.layers, describeData(spec.data).inputShape, new Undrawn());
    return [...model.namedParameters(), ...model.namedBuffers()].map(([name, { shape }]) => ({ name, shape }));
  });
}
