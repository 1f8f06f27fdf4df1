// A list of layers one after another: its shapes and costs (computed without allocating tensors), facts about its output, and the network
// that it describes. The caller passes the function that finds a layer's definition, because some lists may contain only plain layers.
import { ShapeError } from '../../errors.ts';
import type { Generator } from '../../random.ts';
import type { ValueRange } from '../../range.ts';
import type { AnyOptions } from '../../registry.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { type Argument, type Construction, construct } from '../../construction.ts';
import type { Module } from '../module.ts';
import type { LayerCost, LayerDefinition } from './define.ts';
import { Sequential } from './sequential.ts';

/** The fields that every layer of a spec has, and its options. */
export type AnyLayerSpec = AnyOptions & { readonly type: string; readonly name?: string | undefined };

/** Returns the definition of a layer type. */
export type FindLayer = (type: string) => LayerDefinition;

/** One layer of a network in the result of a dry run. */
export interface SummaryOf<Spec extends AnyLayerSpec> extends LayerCost {
  readonly index: number;
  /** The first part of the names of the layer's parameters: the layer's name, or its index. */
  readonly name: string;
  readonly type: Spec['type'];
  /** The shape of one sample's output. */
  readonly outputShape: Shape;
}

/** All layers; or the index and the error of the first layer whose input does not fit. The inputs of later layers are then unknown. */
export type InferredShapesOf<Spec extends AnyLayerSpec> =
  | { readonly ok: true; readonly layers: readonly SummaryOf<Spec>[] }
  | { readonly ok: false; readonly index: number; readonly error: ShapeError };

/** Returns the name of a layer in its network: its own name, or its index. */
export const nameOf = (layer: AnyLayerSpec, index: number): string => layer.name ?? String(index);

/** Returns an error message that begins with the layer's type and name. If `message` already begins with the type, this is removed. */
export function complaintOf(layer: AnyLayerSpec, index: number, message: string, where: string = ''): string {
  const prefix = `${layer.type}: `;
  return `${layer.type} "${nameOf(layer, index)}"${where}: ${message.startsWith(prefix) ? message.slice(prefix.length) : message}`;
}

/** Returns, for each layer that has the name of an earlier layer, its index and an error message. */
export function repeatedNames(specs: readonly AnyLayerSpec[], where: string = ''): { readonly index: number; readonly message: string }[] {
  const first = new Map<string, number>();
  return specs.flatMap(({ name }, index) => {
    if (name === undefined) return [];
    const earlier = first.get(name);
    if (earlier !== undefined) return [{ index, message: `layer ${earlier}${where} is named "${name}" already: names are unique` }];
    first.set(name, index);
    return [];
  });
}

/** Computes the shapes and costs of the layers one after another, from the shape of one sample's input. */
export function inferSequence<Spec extends AnyLayerSpec>(
  find: FindLayer,
  specs: readonly Spec[],
  inputShape: Shape,
): InferredShapesOf<Spec> {
  const summaries: SummaryOf<Spec>[] = [];
  let input = inputShape;
  for (const [index, layer] of specs.entries()) {
    const definition = find(layer.type);
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

/** A layer inside another layer, with its shape and cost. */
export type PartSummary = SummaryOf<AnyLayerSpec>;

/**
 * Returns the summaries of a list of layers inside a layer.
 * @param place the path of the list in the options of that layer
 * @param where the list as error messages call it, such as ` of its shortcut`
 * @throws ShapeError if two layers have the same name, or the input of a layer does not fit; its `field` is a path that begins with `place`
 */
export function inferInner(
  find: FindLayer,
  specs: readonly AnyLayerSpec[],
  input: Shape,
  place: readonly (string | number)[],
  where: string,
): readonly PartSummary[] {
  const [repeated] = repeatedNames(specs, where);
  if (repeated !== undefined) throw new ShapeError(repeated.message, [...place, repeated.index, 'name'].join('/'));
  const inferred = inferSequence(find, specs, input);
  if (inferred.ok) return inferred.layers;
  const { index, error } = inferred;
  const field = [...place, index, ...(error.field === null ? [] : [error.field])].join('/');
  throw new ShapeError(complaintOf(specs[index], index, error.message, where), field);
}

/**
 * Returns the cost of a layer that consists of lists of layers, each of which gets its input.
 * @param lists the summaries of the layers in each list
 */
export function costOfLists(find: FindLayer, lists: readonly (readonly PartSummary[])[], input: Shape): Required<LayerCost> {
  const parts = lists.flat();
  const sum = (value: (part: PartSummary) => number): number => parts.reduce((total, part) => total + value(part), 0);
  const gradients = lists.flatMap((list) =>
    list.map(({ type, outputShape, innerActivations = 0, innerGradients = 0 }, at) => {
      const sizes = { input: sizeOf(at === 0 ? input : list[at - 1].outputShape), output: sizeOf(outputShape) };
      return find(type).memory.gradientValues({ ...sizes, inner: innerActivations, innerGradients });
    }),
  );
  return {
    parameters: sum(({ parameters }) => parameters),
    multiplyAdds: sum(({ multiplyAdds }) => multiplyAdds),
    innerActivations: sum(({ outputShape, innerActivations = 0 }) => sizeOf(outputShape) + innerActivations),
    innerGradients: Math.max(0, ...gradients),
  };
}

/**
 * Returns the lists of layers in an option, each with the dotted path with which the names of their weights begin.
 * @param value the value of the option: a list of layers, a list of such lists, or undefined
 */
export function innerLists(option: string, value: unknown): { readonly path: string; readonly layers: readonly unknown[] }[] {
  if (!Array.isArray(value)) return [];
  const entries: readonly unknown[] = value;
  const lists = entries.flatMap((entry, index) =>
    Array.isArray(entry) ? [{ path: `${option}.${index}`, layers: entry as unknown[] }] : [],
  );
  return lists.length > 0 ? lists : [{ path: option, layers: entries }];
}

/**
 * Returns the shape of each layer's input, and the shape of the last layer's output.
 * @throws ShapeError if the input of a layer does not fit; the message names the layer
 */
export function shapesThrough(find: FindLayer, specs: readonly AnyLayerSpec[], inputShape: Shape): readonly Shape[] {
  const inferred = inferSequence(find, specs, inputShape);
  if (inferred.ok) return [inputShape, ...inferred.layers.map(({ outputShape }) => outputShape)];
  const { index, error } = inferred;
  throw new ShapeError(`layer ${nameOf(specs[index], index)} (${specs[index].type}): ${error.message}`, error.field);
}

/**
 * Returns, for each layer, the smallest number of samples that a training batch must have.
 * @param inputs the shapes of the layers' inputs
 */
export function leastBatches(find: FindLayer, specs: readonly AnyLayerSpec[], inputs: readonly Shape[]): number[] {
  return specs.map((layer, index) => find(layer.type).leastBatch(layer, inputs[index]));
}

/** Returns the range of values that the output of the last layer can have. `input` is the range of the input's values. */
export function rangeThrough(find: FindLayer, specs: readonly AnyLayerSpec[], input: ValueRange): ValueRange {
  let range = input;
  for (const layer of specs) range = find(layer.type).outputRange(layer, range);
  return range;
}

/**
 * Builds the network that a list of layers describes. Layers are built in order. As in PyTorch's constructors, each draws first its weight
 * and then its bias from the generator.
 * @throws ShapeError if the input of a layer does not fit; the message names the layer. ArgumentError if two layers have the same name.
 */
export function buildSequence(find: FindLayer, specs: readonly AnyLayerSpec[], inputShape: Shape, generator: Generator): Sequential {
  const inputs = shapesThrough(find, specs, inputShape);
  const children = specs.map((layer, index): [string, Module] => {
    const { type, name: _, ...options } = layer;
    return [nameOf(layer, index), find(type).build(options, inputs[index], generator)];
  });
  return new Sequential(...children);
}

/** Returns how PyTorch constructs the same network, as a line of code. */
export function constructSequence(find: FindLayer, specs: readonly AnyLayerSpec[], inputShape: Shape): Construction {
  const inputs = shapesThrough(find, specs, inputShape);
  const children = specs.map((layer, index): Argument => {
    const child = find(layer.type).pytorch(layer, inputs[index]);
    return layer.name === undefined && specs.every(({ name }) => name === undefined) ? child : [nameOf(layer, index), child];
  });
  return construct('nn.Sequential', children);
}
