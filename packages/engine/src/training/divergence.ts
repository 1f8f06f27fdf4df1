// Finds out where numbers stopped being finite: the first tensor in the order in which a step computes them. It is called
// only when the loss or the gradients' norm is not finite, so that a healthy step pays nothing.
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

/** What it is and what is in it; when is for whoever asked to know. */
export type NonFiniteTensor = Pick<Divergence, 'kind' | 'name' | 'value'>;

/** What a forward pass went through: outputs[0] is its input, and stage i made outputs[i + 1] of outputs[i]. */
export interface Trace {
  readonly stages: readonly Stage[];
  readonly outputs: readonly Tensor[];
  readonly loss: Tensor;
}

/**
 * The first tensor of a forward pass that is not finite: the input, then each layer's parameters and output, then the target, then
 * the loss.
 */
export function firstNonFinite({ stages, outputs, loss }: Trace, targets: TargetArray): NonFiniteTensor | null {
  const tensors = (function* (): Generator<readonly [NonFiniteTensor['kind'], string, Pick<Tensor, 'storage'>]> {
    yield ['input', 'input', outputs[0]];
    for (const [index, { layers }] of stages.entries()) {
      let value = outputs[index];
      for (const [name, module] of layers) {
        for (const [parameterName, parameter] of module.namedParameters(`${name}.`)) yield ['parameter', parameterName, parameter];
        // What ran as one is run again layer by layer: such layers draw nothing and keep nothing.
        value = layers.length === 1 ? outputs[index + 1] : noGrad(() => module.forward(value));
        yield ['output', name, value];
      }
    }
    yield ['target', 'target', { storage: targets }];
    yield ['loss', 'loss', loss];
  })();
  return search(tensors);
}

/** The first gradient that is not finite, in the order of the backward pass. */
export function firstNonFiniteGradient(model: Module): NonFiniteTensor | null {
  return search(
    model
      .namedParameters()
      .toReversed()
      .flatMap(([name, { grad }]) => (grad === null ? [] : [['gradient', name, grad] as const])),
  );
}

/** The first parameter that is not finite. */
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

/** What is known about the step in which it happened. */
export interface StepContext {
  readonly spec: JobSpec;
  readonly learningRate: number;
  /** Of the batch; null when no step is to blame, but what the last update left. */
  readonly targets: TargetArray | null;
}

/** In words: what went non-finite, where and when, and what to try. */
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

/** Whether the layer of this name, or one in it, normalises without an eps. */
function dividesByZero(layers: readonly LayerSpec[], name: string): boolean {
  const layer = layers.find((each, index) => (each.name ?? String(index)) === name);
  return layer !== undefined && /"eps":0[,}]/.test(JSON.stringify(layer));
}

/** The error of a run that ends there. */
export function divergenceError(divergence: Divergence, context: StepContext): TrainingError {
  return new TrainingError('nonFinite', describeDivergence(divergence, context), divergence.epoch, divergence.step);
}
