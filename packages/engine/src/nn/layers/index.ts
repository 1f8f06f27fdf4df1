// The registry of layers, and what follows from it: the schema of a job spec's layer, the shapes and costs of a list of
// layers (without touching memory), and the network that it describes. The list itself is in plain.ts.
import { z } from 'zod';
import type { Generator } from '../../random.ts';
import { anyValue, type ValueRange } from '../../range.ts';
import { parsed, registry } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import type { LayerDefinition } from './define.ts';
import { plainLayers } from './plain.ts';
import { residual } from './residual.ts';
import { buildSequence, type InferredShapesOf, inferSequence, leastBatches, rangeThrough, type SummaryOf } from './sequence.ts';
import type { Sequential } from './sequential.ts';

const layers = registry('layer', [...plainLayers.definitions, residual]);

export const layerDefinitions: readonly LayerDefinition[] = layers.definitions;
/** The options, of whichever layer, that are lists of layers. */
export const layerLists: readonly string[] = [...new Set(layerDefinitions.flatMap((definition) => definition.layerLists))];
/** Any one layer of a job spec. */
export const layerSchema = layers.schema;
/** A layer of a job spec with its defaults filled in. */
export type LayerSpec = z.output<typeof layerSchema>;
/** A layer of a job spec as it is written. */
export type LayerInput = z.input<typeof layerSchema>;

/** @throws ArgumentError that lists the known layers for an unknown one. */
export function findLayer(type: string): LayerDefinition {
  return layers.find(type);
}

const layerList = z.array(layerSchema);

export type LayerSummary = SummaryOf<LayerSpec>;
export type InferredShapes = InferredShapesOf<LayerSpec>;

/** Folds the layers' shape rules over the shape of one sample's input. */
export function inferShapes(specs: readonly LayerSpec[], inputShape: Shape): InferredShapes {
  return inferSequence(findLayer, parsed('inferShapes', layerList, specs), inputShape);
}

/** Samples that a training batch of these layers needs at least, and the layer that needs them. @throws ShapeError as buildModel. */
export function leastBatch(specs: readonly LayerSpec[], inputShape: Shape): { samples: number; layer: number } {
  const needs = leastBatches(findLayer, specs, inputShape);
  const samples = Math.max(1, ...needs);
  return { samples, layer: needs.indexOf(samples) };
}

/** What is known of the values that the last of these layers gives. */
export function outputRange(specs: readonly LayerSpec[]): ValueRange {
  return rangeThrough(findLayer, specs, anyValue);
}

/**
 * The network of a job spec for samples of `inputShape`. Layers are made in order and draw from the generator as
 * PyTorch's constructors do: each its weight, then its bias.
 * @throws ShapeError that names the layer whose input does not fit it, ArgumentError when two layers have one name, and
 *   for a layer with options that do not fit.
 */
export function buildModel(specs: readonly LayerSpec[], inputShape: Shape, generator: Generator): Sequential {
  return buildSequence(findLayer, parsed('buildModel', layerList, specs), inputShape, generator);
}
