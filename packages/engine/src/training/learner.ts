// What learns: a spec's network, its loss and its optimizer, and the two things that are done with a batch. It knows no
// epochs, no events and no schedule.
import { type Arena, currentArena, inArena, reopenArena } from '../arena.ts';
import { noGrad, record, runBackward } from '../autograd.ts';
import { backend } from '../backend/current.ts';
import { describeData } from '../data/datasets/index.ts';
import type { Batch } from '../data/loader.ts';
import { buildLoss, type Criterion } from '../losses/index.ts';
import { buildModel, type Sequential } from '../nn/layers/index.ts';
import { buildOptimizer, type Optimizer } from '../optim/index.ts';
import type { Releases } from '../node.ts';
import type { Generator } from '../random.ts';
import { Replay } from '../replay.ts';
import { sameShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { firstNonFinite, firstNonFiniteGradient, type NonFiniteTensor, type Trace } from './divergence.ts';
import { gradientsBefore, type ParameterGradient, snapshotGradients } from './gradients.ts';
import { clipGradientNorm, gradientNorm } from './gradientClipping.ts';
import type { JobSpec } from './spec.ts';

/** What to find out about a step beside its loss. */
export interface StepOptions {
  /** The gradients' norm; clipping tells it in any case. */
  readonly measureNorm: boolean;
  /** All gradients looked into. */
  readonly snapshot: boolean;
  /** The first tensor that is not finite, should the loss or a norm that is known not be. */
  readonly diagnose: boolean;
}

/** What a step came to. The object is the learner's and holds this until the next step. */
export interface StepOutcome {
  /** The batch's loss before the update. */
  readonly loss: number;
  /** Of all gradients, before clipping; null when it was not measured. */
  readonly gradientNorm: number | null;
  readonly gradients: readonly ParameterGradient[] | null;
  readonly nonFinite: NonFiniteTensor | null;
}

/** A forward pass that can be done again for batches of its shape. */
interface Pass {
  readonly arena: Arena;
  readonly replay: Replay;
  readonly trace: Trace;
  /** For its backward pass: nobody looks at the trace afterwards. */
  readonly releases: Releases;
  readonly inputShape: Shape;
  readonly targetShape: Shape;
}

const KEEP_GRAPH = { retainGraph: true };
const NO_BATCH: Batch = { size: 0, inputShape: [0], inputs: new Float32Array(0), targetShape: [0], targets: new Float32Array(0) };

export class Learner {
  readonly model: Sequential;
  readonly optimizer: Optimizer;
  /** What has computed the weights: of a run that was taken up, before that as well. */
  engineVersion = backend().engineVersion;
  readonly #criterion: Criterion;
  readonly #parameters: readonly Tensor[];
  readonly #maxNorm: number | null;
  /** By the number of samples: an epoch has batches of one size and a rest. */
  readonly #passes = new Map<number, Pass>();
  /** Of the step in hand, as what is asked of it and what it came to: a step that is done again makes no objects. */
  #batch = NO_BATCH;
  #asked: StepOptions = { measureNorm: false, snapshot: false, diagnose: false };
  readonly #outcome: { -readonly [Field in keyof StepOutcome]: StepOutcome[Field] } = {
    loss: NaN,
    gradientNorm: null,
    gradients: null,
    nonFinite: null,
  };

  /** @param generator the run's: the initial weights are drawn from it. */
  constructor(spec: JobSpec, generator: Generator) {
    const { inputShape } = describeData(spec.data);
    this.model = buildModel(spec.model.layers, inputShape, generator);
    this.#parameters = this.model.parameters();
    this.optimizer = buildOptimizer(spec.optimizer, this.model.parameters());
    this.#criterion = buildLoss(spec.loss);
    this.#maxNorm = spec.gradientClipping?.maxNorm ?? null;
  }

  /** One update, its temporaries in an arena. */
  step(batch: Batch, options: StepOptions): StepOutcome {
    this.#batch = batch;
    this.#asked = options;
    const pass = this.#passFor(batch);
    if (pass === null) inArena(this.#stepAnew);
    else reopenArena(pass.arena, this.#stepAgain);
    return this.#outcome;
  }

  /** The one of batches of this shape, if there is one. */
  #passFor(batch: Batch): Pass | null {
    const pass = this.#passes.get(batch.size);
    const isOfShape = pass !== undefined && sameShape(pass.inputShape, batch.inputShape) && sameShape(pass.targetShape, batch.targetShape);
    return isOfShape && this.model.training ? pass : null;
  }

  readonly #stepAnew = (): void => {
    const { inputShape, targetShape, size } = this.#batch;
    const { result: trace, replay } = Replay.of(() => this.#forward());
    const arena = currentArena();
    const releases = replay?.releasesOf(trace.loss) ?? null;
    const canRepeat = replay !== null && releases !== null && arena !== null && this.model.training;
    if (canRepeat) this.#passes.set(size, { arena, replay, trace, releases, inputShape, targetShape });
    this.#update(trace, canRepeat ? releases : null);
  };

  readonly #stepAgain = (): void => {
    const pass = this.#passes.get(this.#batch.size);
    if (pass === undefined) throw new TypeError('there is no pass to do again');
    pass.replay.run();
    this.#update(pass.trace, pass.releases);
  };

  /** @param releases of a pass that is done again; null for one that is not. */
  #update(trace: Trace, releases: Releases | null): void {
    const { measureNorm, snapshot, diagnose } = this.#asked;
    const outcome = this.#outcome;
    this.optimizer.zeroGrad();
    const before = snapshot ? gradientsBefore(this.model) : null;
    outcome.loss = trace.loss.item();
    outcome.nonFinite = diagnose && !Number.isFinite(outcome.loss) ? firstNonFinite(trace) : null;
    if (releases === null) runBackward(trace.loss);
    else runBackward(trace.loss, KEEP_GRAPH, releases);
    outcome.gradients = before === null ? null : snapshotGradients(this.model, before);
    const norm = this.#norm(measureNorm);
    outcome.gradientNorm = norm;
    if (diagnose && norm !== null && !Number.isFinite(norm)) outcome.nonFinite ??= firstNonFiniteGradient(this.model);
    this.optimizer.step();
  }

  /** Hands the network's output for a batch and its loss to `read`, in an arena and without a graph. */
  evaluate(batch: Batch, read: (output: Tensor, loss: number) => void): void {
    inArena(() =>
      noGrad(() => {
        const [input, target] = batchTensors(batch);
        const output = this.model.forward(input);
        read(output, this.#criterion(output, target).item());
      }),
    );
  }

  /** The network stage by stage, so that a step that goes wrong can be looked into. */
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

/** A batch's inputs and targets as tensors: classes are int32, values float32. */
export function batchTensors(batch: Batch): [Tensor, Tensor] {
  return tensorsOf(() => batch);
}

/** The same as operations, for batches of one shape of which the newest counts. */
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
