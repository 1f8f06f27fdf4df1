// Finds the first tensor with a number that is not finite, in the order in which a step computes them. It is called only if the loss or the
// gradients' norm is not finite, so that it costs nothing in other steps.
import { noGrad } from '../autograd.ts';
import type { TargetArray } from '../data/dataset.ts';
import { TrainingError } from '../errors.ts';
import { findLoss } from '../losses/index.ts';
import type { Stage } from '../nn/layers/fusion.ts';
import type { LayerSpec } from '../nn/layers/index.ts';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import type { Divergence } from './metrics.ts';
import { nonFiniteOf } from './nonFinite.ts';
import type { JobSpec } from './jobSpec.ts';

/** The tensor and its first value that is not finite, without the epoch and step. */
export type NonFiniteTensor = Pick<Divergence, 'kind' | 'name' | 'value'>;

/** The tensors of a forward pass. outputs[0] is the input, and stage i computes outputs[i + 1] from outputs[i]. */
export interface Trace {
  readonly stages: readonly Stage[];
  readonly outputs: readonly Tensor[];
  readonly loss: Tensor;
}

/**
 * Returns the first tensor of a forward pass that is not finite, or null. The order is: the input, each layer's parameters and output, the
 * target, the loss.
 */
export function firstNonFinite({ stages, outputs, loss }: Trace, targets: TargetArray): NonFiniteTensor | null {
  const tensors = (function* (): Generator<readonly [NonFiniteTensor['kind'], string, Pick<Tensor, 'storage'>]> {
    yield ['input', 'input', outputs[0]];
    for (const [index, { layers }] of stages.entries()) {
      let value = outputs[index];
      for (const [name, module] of layers) {
        for (const [parameterName, parameter] of module.namedParameters(`${name}.`)) yield ['parameter', parameterName, parameter];
        // Layers that ran as one operation are run again one by one. This is safe because such layers draw nothing and have no state.
        value = layers.length === 1 ? outputs[index + 1] : noGrad(() => module.forward(value));
        yield ['output', name, value];
      }
    }
    yield ['target', 'target', { storage: targets }];
    yield ['loss', 'loss', loss];
  })();
  return search(tensors);
}

/** Returns the first gradient that is not finite, in the order of the backward pass. */
export function firstNonFiniteGradient(model: Module): NonFiniteTensor | null {
  return search(
    model
      .namedParameters()
      .toReversed()
      .flatMap(([name, { grad }]) => (grad === null ? [] : [['gradient', name, grad] as const])),
  );
}

/** Returns the first parameter that is not finite. */
export function firstNonFiniteParameter(model: Module): NonFiniteTensor | null {
  return search(model.namedParameters().map(([name, parameter]) => ['parameter', name, parameter] as const));
}

function search(tensors: Iterable<readonly [NonFiniteTensor['kind'], string, Pick<Tensor, 'storage'>]>): NonFiniteTensor | null {
  for (const [kind, name, { storage }] of tensors) {
    const found = storage.find((value) => !Number.isFinite(value));
    if (found !== undefined) return { kind, name, value: nonFiniteOf(found) };
  }
  return null;
}

/** The step in which a number was not finite. */
export interface StepContext {
  readonly spec: JobSpec;
  readonly learningRate: number;
  /** The targets of the batch. Null if the last update, and not a step, made a parameter non-finite. */
  readonly targets: TargetArray | null;
}

/** Returns a message with the tensor, the epoch, the step and a remedy. */
export function describeDivergence(divergence: Divergence, context: StepContext): string {
  const { epoch, step, kind, name, value } = divergence;
  const what = {
    input: 'the input, which comes from the data',
    parameter: `the parameter "${name}", since the update before`,
    output: `the output of layer "${name}"`,
    target: 'the target, which comes from the data',
    loss: 'the loss itself',
    gradient: `the gradient of "${name}"`,
  }[kind];
  const remedy = remedyFor(divergence, context);
  return `the run is no longer finite in step ${step} of epoch ${epoch}; the first tensor with a value of ${value} is ${what}: ${remedy}`;
}

/** The remedy. It names only changes that can help. */
function remedyFor({ kind, name }: Divergence, { spec, learningRate, targets }: StepContext): string {
  if (kind === 'input') return 'replace such values in the data, or change the transforms that make them';
  if (kind === 'target') return 'replace such values in the targets of the data';
  const { loss, optimizer, gradientClipping } = spec;
  const unfit = kind === 'loss' && targets !== null ? (findLoss(loss.type).unfitTargets?.(targets, loss) ?? null) : null;
  if (unfit !== null) return unfit;
  if (kind === 'output' && dividesByZero(spec.model.layers, name))
    return 'its eps is 0 and it divides by a deviation of 0: use an eps above 0';
  if (kind === 'parameter' && 'eps' in optimizer && optimizer.eps === 0)
    return "the optimizer's eps is 0 and it divides by 0: use an eps above 0";
  if (optimizer.maximize) return 'maximize lets the loss grow without a limit: remove it';
  const clipping = gradientClipping === undefined ? 'gradientClipping' : `a gradientClipping.maxNorm below ${gradientClipping.maxNorm}`;
  if (learningRate === 0) return 'use inputs and targets of a smaller scale';
  return `try a learning rate below ${learningRate}, ${clipping}, or inputs and targets of a smaller scale`;
}

/** Returns whether the layer of this name, or a layer inside it, normalizes with an eps of 0. */
function dividesByZero(layers: readonly LayerSpec[], name: string): boolean {
  const layer = layers.find((each, index) => (each.name ?? String(index)) === name);
  return layer !== undefined && /"eps":0[,}]/.test(JSON.stringify(layer));
}

/** Returns the error of a run that ends because a number is not finite. */
export function divergenceError(divergence: Divergence, context: StepContext): TrainingError {
  return new TrainingError('nonFinite', describeDivergence(divergence, context), divergence.epoch, divergence.step);
}
