// The names of the weights of torchvision's networks. Their presets name each layer as torchvision does, such as `layer1.0.conv1`. A layer of
// a job spec has no dots in its name, so the preset's layers get names with `_` instead. Both names of a weight follow from the preset.
import type { AnyOptions } from '../../registry.ts';
import { type LayerInput, layerLists } from '../layers/index.ts';
import { innerLists } from '../layers/sequence.ts';

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

/** Returns an option with names that a job spec allows. The option is a list of layers, or a list of such lists. */
const withInnerNames = (list: readonly (LayerInput | readonly LayerInput[])[]): unknown[] =>
  list.map((entry) => ('type' in entry ? withLayerName(entry) : entry.map(withLayerName)));

function withLayerName<Layer extends LayerInput>(layer: Layer): Layer {
  const options: AnyLayer = layer;
  const inner = layerLists.filter((option) => Array.isArray(options[option]));
  return {
    ...layer,
    ...(layer.name !== undefined && { name: ourName(layer.name) }),
    ...Object.fromEntries(inner.map((option) => [option, withInnerNames(options[option] as readonly LayerInput[])])),
  };
}

/** Returns the layers of a preset with names that a job spec allows: dots become `_`. Layers inside other layers are included. */
export const withLayerNames = (layers: readonly LayerInput[]): LayerInput[] => layers.map(withLayerName);

/** Returns our name and torchvision's name of each layer that has a name. Unnamed layers have no weights. */
function* layerNames(layers: readonly AnyLayer[], ours = '', theirs = ''): Generator<readonly [ours: string, theirs: string]> {
  for (const layer of layers) {
    if (layer.name === undefined) continue;
    const names = [ours + ourName(layer.name), theirs + layer.name] as const;
    yield names;
    const lists = layerLists.flatMap((option) => innerLists(option, layer[option]));
    for (const { path, layers: inner } of lists) yield* layerNames(inner as readonly AnyLayer[], `${names[0]}.${path}.`, `${names[1]}.`);
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
