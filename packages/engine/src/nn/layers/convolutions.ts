// Which layers of a network have filters that can be shown as images, and their names. It builds nothing.
import { findLayer } from './index.ts';
import { type AnyLayerSpec, nameOf } from './sequence.ts';

/** Returns the names of these layers in order, as the names of their weights begin: `conv1`, `3.layers.0`. */
export function convolutionNames(layers: readonly AnyLayerSpec[], prefix = ''): string[] {
  return layers.flatMap((layer, index) => {
    const name = prefix + nameOf(layer, index);
    const { hasFilters, layerLists } = findLayer(layer.type);
    if (hasFilters) return [name];
    return layerLists.flatMap((option) => {
      const inner = layer[option];
      return Array.isArray(inner) ? convolutionNames(inner as AnyLayerSpec[], `${name}.${option}.`) : [];
    });
  });
}
