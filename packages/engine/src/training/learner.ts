// The network, the loss and the optimizer of a spec, and the two operations on a batch: a training step and an evaluation. Epochs, events
// and schedules are in trainer.ts.
import { enterArena, newArena } from '../arena.ts';
import { noGrad, record, runBackward } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { describeData } from '../data/datasets/index.ts';
import type { Batch } from '../data/loader.ts';
import type { Dataset } from '../data/dataset.ts';
import type { ChannelStatistics } from '../data/transforms/statistics.ts';
import { isBalanced, withClassWeights } from '../losses/classWeights.ts';
import { buildLoss, type Criterion, type LossSpec } from '../losses/index.ts';
import { buildModel } from '../nn/layers/index.ts';
import type { Sequential } from '../nn/layers/sequential.ts';
import type { Generator } from '../random.ts';
import type { Replay } from '../replay.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { firstNonFinite, firstNonFiniteGradient, type NonFiniteTensor, type Trace } from './divergence.ts';
import { freezeWeights, trainedParameters } from './freezing.ts';
import { groupPatterns, inOurNames } from './presetPatterns.ts';
import { namedWeights } from './weights.ts';
import { gradientsBefore, type ParameterGradient, snapshotGradients } from './gradients.ts';
import { clipGradientNorm, gradientNorm } from './gradientClipping.ts';
import { GroupedOptimizer } from './parameterGroups.ts';
import { Passes } from './passes.ts';
import type { JobSpec } from './jobSpec.ts';

/** What a step measures in addition to its loss. */
export interface StepOptions {
  /** Measure the norm of the gradients. With clipping it is always measured. */
  readonly measureNorm: boolean;
  /** Make a snapshot of all gradients. */
  readonly snapshot: boolean;
  /** If the loss or the measured norm is not finite, find the first tensor that is not finite. */
  readonly diagnose: boolean;
}

/** The result of a step. The learner reuses the object: it is valid until the next step. */
export interface StepOutcome {
  /** The batch's loss before the update. */
  readonly loss: number;
  /** The norm of all gradients before clipping. Null if it was not measured. */
  readonly gradientNorm: number | null;
  readonly gradients: readonly ParameterGradient[] | null;
  readonly nonFinite: NonFiniteTensor | null;
}

/** Receives the network's output for a batch, and the loss. */
type Reader = (output: Tensor, loss: number) => void;

interface Evaluated {
  readonly output: Tensor;
  readonly loss: Tensor;
}

const dataIsMissing: Criterion = () => {
  throw new TypeError('useData() comes before the first step');
};
const KEEP_GRAPH = { retainGraph: true };
const NO_BATCH: Batch = { size: 0, inputShape: [0], inputs: new Float32Array(0), targetShape: [0], targets: new Float32Array(0) };

export class Learner {
  readonly model: Sequential;
  /** The parameters that are trained, in the order of the optimizer's states: all of the model that are not frozen. */
  readonly trained: readonly (readonly [name: string, parameter: Tensor])[];
  readonly optimizer: GroupedOptimizer;
  /** The engine version that computed the weights. In a resumed run it includes the versions before the checkpoint. */
  engineVersion = backend().engineVersion;
  /** The statistics of the training data with which transforms were fitted. They are stored with the weights. */
  statistics: readonly ChannelStatistics[] = [];
  /** The loss of the spec. After {@link useData}, class weights that follow from the data are numbers. */
  loss: LossSpec;
  #criterion: Criterion;
  readonly #parameters: readonly Tensor[];
  readonly #maxNorm: number | null;
  readonly #steps: Passes<Trace>;
  readonly #evaluations: Passes<Evaluated>;
  /** The current batch, its options and its result. They are fields so that a repeated step creates no objects. */
  #batch = NO_BATCH;
  #read: Reader = () => {};
  #asked: StepOptions = { measureNorm: false, snapshot: false, diagnose: false };
  readonly #outcome: { -readonly [Field in keyof StepOutcome]: StepOutcome[Field] } = {
    loss: NaN,
    gradientNorm: null,
    gradients: null,
    nonFinite: null,
  };

  /** @param generator the run's generator, from which the initial weights are drawn */
  constructor(spec: JobSpec, generator: Generator) {
    const { inputShape } = describeData(spec.data);
    this.model = buildModel(spec.model.layers, inputShape, generator);
    const names = namedWeights(this.model).map(([name]) => name);
    if (spec.freeze !== undefined) {
      freezeWeights(this.model, inOurNames(spec.model, spec.freeze, names));
    }
    this.trained = trainedParameters(this.model);
    this.#steps = new Passes(this.model);
    this.#evaluations = new Passes(this.model);
    this.#parameters = this.trained.map(([, parameter]) => parameter);
    this.optimizer = new GroupedOptimizer(spec.optimizer, this.model, groupPatterns(spec, names));
    this.loss = spec.loss;
    this.#criterion = isBalanced(spec.loss) ? dataIsMissing : buildLoss(spec.loss);
    this.#maxNorm = spec.gradientClipping?.maxNorm ?? null;
  }

  /** Computes class weights that follow from the data. Without such weights it need not be called. @param train the training part */
  useData(train: Dataset): void {
    if (!isBalanced(this.loss)) return;
    this.loss = withClassWeights(this.loss, train);
    this.#criterion = buildLoss(this.loss);
  }

  /** Makes one update of the weights. Temporary tensors are in an arena. */
  step(batch: Batch, options: StepOptions): StepOutcome {
    this.#batch = batch;
    this.#asked = options;
    const pass = this.#steps.for(batch);
    if (pass === null) this.#stepAnew();
    else enterArena(pass.arena, this.#stepAgain);
    return this.#outcome;
  }

  #stepAnew(): void {
    const arena = newArena();
    enterArena(arena, () => {
      const { result, replay } = this.#steps.make(arena, this.#batch, () => this.#forward());
      this.#update(result, replay);
    });
  }

  readonly #stepAgain = (): void => {
    const { result, replay } = this.#steps.repeat(this.#batch);
    this.#update(result, replay);
  };

  /**
   * Makes the backward pass and the update.
   * @param replay the recorded operations of the trace, or null if it cannot be repeated. With a replay the backward pass may overwrite the
   * trace
   */
  #update(trace: Trace, replay: Replay | null): void {
    const { measureNorm, snapshot, diagnose } = this.#asked;
    const outcome = this.#outcome;
    this.optimizer.zeroGrad();
    const before = snapshot ? gradientsBefore(this.model) : null;
    outcome.loss = trace.loss.item();
    outcome.nonFinite = diagnose && !Number.isFinite(outcome.loss) ? firstNonFinite(trace, this.#batch.targets) : null;
    if (replay === null) runBackward(trace.loss);
    else runBackward(trace.loss, KEEP_GRAPH, replay.releasesOf(trace.loss));
    outcome.gradients = before === null ? null : snapshotGradients(this.model, before);
    const norm = this.#norm(measureNorm);
    outcome.gradientNorm = norm;
    if (diagnose && norm !== null && !Number.isFinite(norm)) outcome.nonFinite ??= firstNonFiniteGradient(this.model);
    this.optimizer.step();
  }

  /** Calls `read` with the network's output for a batch and the loss. It uses an arena and records no graph. */
  evaluate(batch: Batch, read: Reader): void {
    this.#batch = batch;
    this.#read = read;
    const pass = this.#evaluations.for(batch);
    if (pass === null) this.#evaluateAnew();
    else enterArena(pass.arena, this.#evaluateAgain);
  }

  #evaluateAnew(): void {
    const arena = newArena();
    const compute = (): Evaluated => {
      const [input, target] = tensorsOf(() => this.#batch);
      const output = this.model.forward(input);
      return { output, loss: this.#criterion(output, target) };
    };
    enterArena(arena, () =>
      noGrad(() => {
        const { result } = this.#evaluations.make(arena, this.#batch, compute);
        this.#read(result.output, result.loss.item());
      }),
    );
  }

  readonly #evaluateAgain = (): void => {
    const { output, loss } = this.#evaluations.repeat(this.#batch).result;
    this.#read(output, loss.item());
  };

  /** Runs the network stage by stage and keeps the outputs, so that the first tensor that is not finite can be found. */
  #forward(): Trace {
    const [input, target] = tensorsOf(() => this.#batch);
    const outputs = [input];
    for (const stage of this.model.stages) outputs.push(stage.forward(outputs[outputs.length - 1]));
    return { stages: this.model.stages, outputs, loss: this.#criterion(outputs[outputs.length - 1], target) };
  }

  #norm(measure: boolean): number | null {
    if (this.#maxNorm !== null) return clipGradientNorm(this.#parameters, this.#maxNorm);
    return measure ? gradientNorm(this.#parameters) : null;
  }
}

/** Returns the inputs and targets of a batch as tensors. Classes are int32, values float32. */
export function batchTensors(batch: Batch): [Tensor, Tensor] {
  return tensorsOf(() => batch);
}

/** Records the inputs and targets as operations. A repeated pass runs them again and reads the batch that `batch` then returns. */
function tensorsOf(batch: () => Batch): [Tensor, Tensor] {
  const { inputShape, targetShape } = batch();
  const [inputSize, targetSize] = [sizeOf(inputShape), sizeOf(targetShape)];
  const none = { inputs: [], backward: () => [] };
  const input = record({
    ...none,
    name: 'Inputs',
    shape: inputShape,
    forward: () => {
      const storage = backend().allocate(inputSize);
      const { inputs } = batch();
      if (inputs instanceof Uint8Array) backend().scalePixels(inputs, storage);
      else storage.set(inputs);
      return storage;
    },
  });
  const target = record({
    ...none,
    name: 'Targets',
    shape: targetShape,
    forward: () => {
      const { targets } = batch();
      const storage = targets instanceof Int32Array ? backend().allocateIndices(targetSize) : backend().allocate(targetSize);
      storage.set(targets);
      return storage;
    },
  });
  return [input, target];
}
