// The names of the weights of torchvision's networks. Their presets name each layer as torchvision does, such as `layer1.0.conv1`. A layer of
// a job spec has no dots in its name, so the preset's layers get names with `_` instead. Both names of a weight follow from the preset.
import type { AnyOptions } from '../../registry.ts';
import { type LayerInput, layerLists } from '../layers/index.ts';

/** The two names of each weight of a preset. A name that the preset does not have is returned as it is. */
export interface WeightNames {
  /** Returns torchvision's name of a weight: `layer1.0.conv1.weight` for our `layer1_0.layers.conv1.weight`. */
  toTorchvision(name: string): string;
  /** Returns our name of a weight: `layer1_0.layers.conv1.weight` for torchvision's `layer1.0.conv1.weight`. */
  toOurs(name: string): string;
}

/** A layer of a preset. Its options that are lists of layers may be of any type of layer. */
type AnyLayer = AnyOptions & { readonly name?: string | undefined };

const ourName = (name: string): string => name.replaceAll('.', '_');

/** Returns the layers that are options of a layer, by the names of these options. */
function innerLists(layer: AnyLayer): (readonly [option: string, layers: readonly AnyLayer[]])[] {
  return layerLists.flatMap((option) => {
    const list = layer[option];
    return Array.isArray(list) ? [[option, list as readonly AnyLayer[]] as const] : [];
  });
}

/** Returns the layers of a preset with names that a job spec allows: dots become `_`. Layers inside other layers are included. */
export function withLayerNames<Layer extends LayerInput>(layers: readonly Layer[]): Layer[] {
  return layers.map((layer) => ({
    ...layer,
    ...(layer.name !== undefined && { name: ourName(layer.name) }),
    ...Object.fromEntries(innerLists(layer).map(([option, list]) => [option, withLayerNames(list as readonly LayerInput[])])),
  }));
}

/** Returns our name and torchvision's name of each layer that has a name. Unnamed layers have no weights. */
function* layerNames(layers: readonly AnyLayer[], ours = '', theirs = ''): Generator<readonly [ours: string, theirs: string]> {
  for (const layer of layers) {
    if (layer.name === undefined) continue;
    const names = [ours + ourName(layer.name), theirs + layer.name] as const;
    yield names;
    for (const [option, list] of innerLists(layer)) yield* layerNames(list, `${names[0]}.${option}.`, `${names[1]}.`);
  }
}

/** Returns the names of the weights of a preset. @param layers the layers with torchvision's names */
export function weightNamesOf(layers: readonly LayerInput[]): WeightNames {
  const pairs = [...layerNames(layers)];
  return {
    toTorchvision: renaming(new Map(pairs)),
    toOurs: renaming(new Map(pairs.map(([ours, theirs]) => [theirs, ours]))),
  };
}

/** Returns a function that renames the layer in the name of a weight. The part after the last dot is the name of the weight in its layer. */
function renaming(layers: ReadonlyMap<string, string>): (name: string) => string {
  return (name) => {
    const dot = name.lastIndexOf('.');
    const layer = layers.get(name.slice(0, Math.max(dot, 0)));
    return layer === undefined ? name : layer + name.slice(dot);
  };
}
