// What learns: a spec's network, its loss and its optimizer, and the two things that are done with a batch. It knows no
// epochs, no events and no schedule.
import { inArena } from '../arena.ts';
import { noGrad } from '../autograd.ts';
import { describeData } from '../data/datasets/index.ts';
import type { Batch } from '../data/loader.ts';
import { buildLoss, type Criterion } from '../losses/index.ts';
import { buildModel, type Sequential } from '../nn/layers/index.ts';
import { buildOptimizer, type Optimizer } from '../optim/index.ts';
import type { Generator } from '../random.ts';
import { fromFlat, indices, type Tensor } from '../tensor.ts';
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

export interface StepOutcome {
  /** The batch's loss before the update. */
  readonly loss: number;
  /** Of all gradients, before clipping; null when it was not measured. */
  readonly gradientNorm: number | null;
  readonly gradients: readonly ParameterGradient[] | null;
  readonly nonFinite: NonFiniteTensor | null;
}

export class Learner {
  readonly model: Sequential;
  readonly optimizer: Optimizer;
  readonly #criterion: Criterion;
  readonly #parameters: readonly Tensor[];
  readonly #maxNorm: number | null;

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
  step(batch: Batch, { measureNorm, snapshot, diagnose }: StepOptions): StepOutcome {
    return inArena(() => {
      this.optimizer.zeroGrad();
      const before = snapshot ? gradientsBefore(this.model) : null;
      const trace = this.#forward(batch);
      const loss = trace.loss.item();
      let nonFinite = diagnose && !Number.isFinite(loss) ? firstNonFinite(trace) : null;
      trace.loss.backward();
      const gradients = before === null ? null : snapshotGradients(this.model, before);
      const norm = this.#norm(measureNorm);
      if (diagnose && norm !== null && !Number.isFinite(norm)) nonFinite ??= firstNonFiniteGradient(this.model);
      this.optimizer.step();
      return { loss, gradientNorm: norm, gradients, nonFinite };
    });
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
  #forward(batch: Batch): Trace {
    const [input, target] = batchTensors(batch);
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
  const target =
    batch.targets instanceof Int32Array ? indices(batch.targets, batch.targetShape) : fromFlat(batch.targets, batch.targetShape);
  return [fromFlat(batch.inputs, batch.inputShape), target];
}
