// The weights of a spec's network without their values: names, shapes, and which of them are trained. It is for checks and estimates. It
// draws nothing, and the tensors take no physical memory, because most of them are never written.
import { ReferenceBackend } from '../backend/reference.ts';
import { withBackend } from '../backend/current.ts';
import { describeData } from '../data/datasets/index.ts';
import { buildModel } from '../nn/layers/index.ts';
import { torchvisionNames } from '../nn/presets/index.ts';
import type { Sequential } from '../nn/layers/sequential.ts';
import type { Tensor } from '../tensor.ts';
import type { NamedShape } from './fitWeights.ts';
import { freezeWeights, trainedParameters } from './freezing.ts';
import type { JobSpec } from './jobSpec.ts';
import { inOurNames } from './presetPatterns.ts';
import { SkipInitGenerator } from './skipInit.ts';
import { namedWeights } from './weights.ts';

function withModel<Result>({ data, model }: Pick<JobSpec, 'data' | 'model'>, read: (model: Sequential) => Result): Result {
  return withBackend(new ReferenceBackend(), () => read(buildModel(model.layers, describeData(data).inputShape, new SkipInitGenerator())));
}

/** Returns the names and shapes of a model's parameters and buffers. */
export function weightShapes(spec: Pick<JobSpec, 'data' | 'model'>): readonly NamedShape[] {
  return withModel(spec, (model) => namedWeights(model).map(([name, { shape }]) => ({ name, shape })));
}

/** Which weights of a network are trained. */
export interface WeightsOutline {
  /** The names of all parameters and buffers. */
  readonly names: readonly string[];
  /** The sizes of the trained parameters, by name, in the order of the model. */
  readonly trained: ReadonlyMap<string, number>;
  /** For each layer of the spec, how many of its parameters are trained. */
  readonly trainedByLayer: readonly number[];
}

/** Returns which weights of a spec's network are trained. */
export function outlineWeights(spec: Pick<JobSpec, 'data' | 'model' | 'freeze'>): WeightsOutline {
  const sizes = (parameters: readonly (readonly [string, Tensor])[]) => parameters.map(([name, { size }]) => [name, size] as const);
  return withModel(spec, (model) => {
    const names = namedWeights(model).map(([name]) => name);
    if (spec.freeze !== undefined) freezeWeights(model, inOurNames(spec.model, spec.freeze, names));
    return {
      names,
      trained: new Map(sizes(trainedParameters(model))),
      trainedByLayer: model.namedChildren().map(([, layer]) => sizes(trainedParameters(layer)).reduce((sum, [, size]) => sum + size, 0)),
    };
  });
}

/** Returns the patterns of a spec's `freeze` over our names alone; undefined if nothing is frozen. */
export function frozenPatterns(spec: Pick<JobSpec, 'data' | 'model' | 'freeze'>): readonly string[] | undefined {
  if (spec.freeze === undefined || torchvisionNames(spec.model) === null) return spec.freeze;
  return inOurNames(
    spec.model,
    spec.freeze,
    weightShapes(spec).map(({ name }) => name),
  );
}
