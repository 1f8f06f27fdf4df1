// The one list of layers, and what follows from it: the schema of a job spec's layer, the shapes and costs of a list of
// layers (without touching memory), and the network that it describes. A new layer is one file beside this one and one
// line here.
import type { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import type { Generator } from '../../random.ts';
import { anyValue, type ValueRange } from '../../range.ts';
import { registry } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import type { Module } from '../module.ts';
import { batchNorm1d, batchNorm2d } from './batchNorm.ts';
import { conv2d } from './conv2d.ts';
import type { LayerCost, LayerDefinition } from './define.ts';
import { dropout } from './dropout.ts';
import { elu } from './elu.ts';
import { flatten } from './flatten.ts';
import { gelu } from './gelu.ts';
import { groupNorm } from './groupNorm.ts';
import { hardSwish } from './hardSwish.ts';
import { layerNorm } from './layerNorm.ts';
import { leakyRelu } from './leakyRelu.ts';
import { linear } from './linear.ts';
import { logSoftmax } from './logSoftmax.ts';
import { maxPool2d } from './maxPool2d.ts';
import { prelu } from './prelu.ts';
import { relu } from './relu.ts';
import { relu6 } from './relu6.ts';
import { Sequential } from './sequential.ts';
import { sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';
import { softmax } from './softmax.ts';
import { softplus } from './softplus.ts';
import { tanh } from './tanh.ts';

export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from './batchNorm.ts';
export { Conv2d, type Conv2dLayerOptions } from './conv2d.ts';
export { Dropout } from './dropout.ts';
export { ELU } from './elu.ts';
export { Flatten } from './flatten.ts';
export { GELU } from './gelu.ts';
export { GroupNorm, type GroupNormLayerOptions } from './groupNorm.ts';
export { Hardswish } from './hardSwish.ts';
export { LayerNorm, type LayerNormLayerOptions } from './layerNorm.ts';
export { LeakyReLU } from './leakyRelu.ts';
export { Linear, type LinearLayerOptions } from './linear.ts';
export { LogSoftmax } from './logSoftmax.ts';
export { MaxPool2d, type MaxPool2dLayerOptions } from './maxPool2d.ts';
export { PReLU } from './prelu.ts';
export { ReLU } from './relu.ts';
export { ReLU6 } from './relu6.ts';
export { Sequential } from './sequential.ts';
export { Sigmoid } from './sigmoid.ts';
export { SiLU } from './silu.ts';
export { Softmax } from './softmax.ts';
export { Softplus } from './softplus.ts';
export { Tanh } from './tanh.ts';

const layers = registry('layer', [
  conv2d,
  linear,
  maxPool2d,
  batchNorm2d,
  batchNorm1d,
  layerNorm,
  groupNorm,
  dropout,
  relu,
  relu6,
  leakyRelu,
  elu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
  softmax,
  logSoftmax,
  prelu,
  hardSwish,
  flatten,
]);

export const layerDefinitions: readonly LayerDefinition[] = layers.definitions;
/** Any one layer of a job spec. */
export const layerSchema = layers.schema;
/** A layer of a job spec with its defaults filled in. */
export type LayerSpec = z.output<typeof layerSchema>;

/** @throws ArgumentError that lists the known layers for an unknown one. */
export function findLayer(type: string): LayerDefinition {
  return layers.find(type);
}

/** One layer of a network as a dry run shows it. */
export interface LayerSummary extends LayerCost {
  readonly index: number;
  /** What its parameters' names begin with: its own name, or its index. */
  readonly name: string;
  readonly type: LayerSpec['type'];
  /** Shape of one sample's output. */
  readonly outputShape: Shape;
}

/** All layers, or the first whose input does not fit it: what comes after that one has no known input. */
export type InferredShapes =
  | { readonly ok: true; readonly layers: readonly LayerSummary[] }
  | { readonly ok: false; readonly index: number; readonly error: ShapeError };

/** What a layer is called in its network. */
const nameOf = (layer: LayerSpec, index: number): string => layer.name ?? String(index);

/** Folds the layers' shape rules over the shape of one sample's input. */
export function inferShapes(specs: readonly LayerSpec[], inputShape: Shape): InferredShapes {
  const summaries: LayerSummary[] = [];
  let input = inputShape;
  for (const [index, layer] of specs.entries()) {
    const definition = findLayer(layer.type);
    try {
      const outputShape = definition.outputShape(layer, input);
      const cost = definition.cost(layer, input, outputShape);
      summaries.push({ index, name: nameOf(layer, index), type: layer.type, outputShape, ...cost });
      input = outputShape;
    } catch (error) {
      if (error instanceof ShapeError) return { ok: false, index, error };
      throw error;
    }
  }
  return { ok: true, layers: summaries };
}

/** Samples that a training batch of these layers needs at least, and the layer that needs them. */
export function leastBatch(
  specs: readonly LayerSpec[],
  layers: readonly LayerSummary[],
  inputShape: Shape,
): { samples: number; layer: number } {
  const inputs = [inputShape, ...layers.map(({ outputShape }) => outputShape)];
  const needs = specs.map((layer, index) => findLayer(layer.type).leastBatch(layer, inputs[index]));
  const samples = Math.max(1, ...needs);
  return { samples, layer: needs.indexOf(samples) };
}

/** What is known of the values that the last of these layers gives. */
export function outputRange(specs: readonly LayerSpec[]): ValueRange {
  let range = anyValue;
  for (const layer of specs) range = findLayer(layer.type).outputRange(layer, range);
  return range;
}

/**
 * The network of a job spec for samples of `inputShape`. Layers are made in order and draw from the generator as
 * PyTorch's constructors do: each its weight, then its bias.
 * @throws ShapeError that names the layer whose input does not fit it, ArgumentError when two layers have one name.
 */
export function buildModel(specs: readonly LayerSpec[], inputShape: Shape, generator: Generator): Sequential {
  const inferred = inferShapes(specs, inputShape);
  if (!inferred.ok) {
    const { index, error } = inferred;
    throw new ShapeError(`layer ${nameOf(specs[index], index)} (${specs[index].type}): ${error.message}`, error.field);
  }
  const inputs = [inputShape, ...inferred.layers.map(({ outputShape }) => outputShape)];
  const children = specs.map((layer, index): [string, Module] => {
    const { type, name: _, ...options } = layer;
    return [nameOf(layer, index), findLayer(type).build(options, inputs[index], generator)];
  });
  return new Sequential(...children);
}
