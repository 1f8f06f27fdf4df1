// The registry of layers. From it follow the schema of a layer in a job spec, the shapes and costs of a list of layers (computed without
// allocating tensors), and the network that is built from such a list. The list of definitions is in plain.ts.
import { z } from 'zod';
import type { Generator } from '../../random.ts';
import { anyValue, type ValueRange } from '../../range.ts';
import { parsed, registry } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import type { LayerDefinition } from './define.ts';
import { branches } from './branches.ts';
import plainLayers from './plain.ts';
import { residual } from './residual.ts';
import { buildSequence, type InferredShapesOf, inferSequence, leastBatches, rangeThrough, type SummaryOf } from './sequence.ts';
import type { Sequential } from './sequential.ts';

const layers = registry('layer', [...plainLayers.definitions, residual, branches]);

export const layerDefinitions: readonly LayerDefinition[] = layers.definitions;
/** The names of all options of any layer that are lists of layers, or lists of such lists. */
export const layerLists: readonly string[] = [...new Set(layerDefinitions.flatMap((definition) => definition.layerLists))];
/** The schema of a layer in a job spec. */
export const layerSchema = layers.schema;
/** A layer of a job spec with its defaults filled in. */
export type LayerSpec = z.output<typeof layerSchema>;
/** A layer of a job spec before defaults are filled in. */
export type LayerInput = z.input<typeof layerSchema>;

/** Returns the definition of a layer type. @throws ArgumentError for an unknown type. The message lists the known types. */
export function findLayer(type: string): LayerDefinition {
  return layers.find(type);
}

const layerList = z.array(layerSchema);

export type LayerSummary = SummaryOf<LayerSpec>;
export type InferredShapes = InferredShapesOf<LayerSpec>;

/** Computes the shapes and costs of layers one after another, from the shape of one sample's input. */
export function inferShapes(specs: readonly LayerSpec[], inputShape: Shape): InferredShapes {
  return inferParsedShapes(parsed('inferShapes', layerList, specs), inputShape);
}

/** Computes what `inferShapes` computes, for layers that were parsed by their schema just now. */
export function inferParsedShapes(specs: readonly LayerSpec[], inputShape: Shape): InferredShapes {
  return inferSequence(findLayer, specs, inputShape);
}

/**
 * Returns the smallest number of samples that a training batch must have, and the index of the layer that needs them.
 * @param inputs the shapes that go into the layers
 */
export function leastBatch(specs: readonly LayerSpec[], inputs: readonly Shape[]): { samples: number; layer: number } {
  const needs = leastBatches(findLayer, specs, inputs);
  const samples = Math.max(1, ...needs);
  return { samples, layer: needs.indexOf(samples) };
}

/** Returns the range of values that the output of the last layer can have. */
export function outputRange(specs: readonly LayerSpec[]): ValueRange {
  return rangeThrough(findLayer, specs, anyValue);
}

/**
 * Builds the network of a job spec for samples of `inputShape`. Layers are built in order. As in PyTorch's constructors, each draws first
 * its weight and then its bias from the generator.
 * @throws ShapeError if the input of a layer does not fit; the message names the layer. ArgumentError if two layers have the same name, or
 * options
 *   do not fit
 */
export function buildModel(specs: readonly LayerSpec[], inputShape: Shape, generator: Generator): Sequential {
  return buildSequence(findLayer, parsed('buildModel', layerList, specs), inputShape, generator);
}
