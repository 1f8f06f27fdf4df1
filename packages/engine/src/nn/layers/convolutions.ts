// Finds the layers of a network that have filters to show as images. It does not build the network.
import { findLayer } from './index.ts';
import { type AnyLayerSpec, innerLists, nameOf } from './sequence.ts';

/** Returns the names of these layers in order: `conv1`, `3.layers.0`. The names of a layer's parameters begin with its name. */
export function convolutionNames(layers: readonly AnyLayerSpec[], prefix = ''): string[] {
  return layers.flatMap((layer, index) => {
    const name = prefix + nameOf(layer, index);
    const { hasFilters, layerLists } = findLayer(layer.type);
    if (hasFilters) return [name];
    const lists = layerLists.flatMap((option) => innerLists(option, layer[option]));
    return lists.flatMap(({ path, layers: inner }) => convolutionNames(inner as AnyLayerSpec[], `${name}.${path}.`));
  });
}
