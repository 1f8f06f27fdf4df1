// Finds out where numbers stopped being finite: the first tensor in the order in which a step computes them. It is asked
// only when the loss or the gradients' norm is not finite, so that a healthy step pays nothing.
import { TrainingError } from '../errors.ts';
import { noGrad } from '../autograd.ts';
import type { Stage } from '../nn/layers/fusion.ts';
import type { Module } from '../nn/module.ts';
import type { Tensor } from '../tensor.ts';
import type { Divergence } from './metrics.ts';
import { nonFiniteOf } from './nonFinite.ts';

/** What it is and what is in it; when is for whoever asked to know. */
export type NonFiniteTensor = Pick<Divergence, 'kind' | 'name' | 'value'>;

/** What a forward pass went through: outputs[0] is its input, and stage i made outputs[i + 1] of outputs[i]. */
export interface Trace {
  readonly stages: readonly Stage[];
  readonly outputs: readonly Tensor[];
  readonly loss: Tensor;
}

/** The first tensor of a forward pass that is not finite: the input, then each layer's parameters and output, then the loss. */
export function firstNonFinite({ stages, outputs, loss }: Trace): NonFiniteTensor | null {
  const tensors = (function* (): Generator<readonly [NonFiniteTensor['kind'], string, Tensor]> {
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

function search(tensors: Iterable<readonly [NonFiniteTensor['kind'], string, Tensor]>): NonFiniteTensor | null {
  for (const [kind, name, { storage }] of tensors) {
    const found = storage.find((value) => !Number.isFinite(value));
    if (found !== undefined) return { kind, name, value: nonFiniteOf(found) };
  }
  return null;
}

/** In words: what went non-finite, where and when, and what to try. */
export function describeDivergence({ epoch, step, kind, name, value }: Divergence, learningRate: number): string {
  const what = {
    input: 'the input, which comes from the data',
    parameter: `the parameter "${name}", since the update before`,
    output: `the output of layer "${name}"`,
    loss: 'the loss itself',
    gradient: `the gradient of "${name}"`,
  }[kind];
  const remedy =
    kind === 'input' ? 'look at the data' : `try a learning rate below ${learningRate}, gradientClipping, or inputs of a smaller scale`;
  return `the run is no longer finite in step ${step} of epoch ${epoch}; the first tensor with a value of ${value} is ${what}: ${remedy}`;
}

/** The error of a run that ends there. */
export function divergenceError(divergence: Divergence, learningRate: number): TrainingError {
  return new TrainingError('nonFinite', describeDivergence(divergence, learningRate), divergence.epoch, divergence.step);
}
