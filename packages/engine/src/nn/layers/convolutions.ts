// Which layers of a network are convolutions, and what they are called: what there are filters of. It builds nothing.
import { type AnyLayerSpec, nameOf } from './sequence.ts';

const convolutions: ReadonlySet<string> = new Set(['conv2d', 'convTranspose2d']);

/** Their names in order, as those of their weights begin: `conv1`, `3.layers.0`. */
export function convolutionNames(layers: readonly AnyLayerSpec[], prefix = ''): string[] {
  return layers.flatMap((layer, index) => {
    const name = prefix + nameOf(layer, index);
    if (convolutions.has(layer.type)) return [name];
    return ['layers', 'shortcut'].flatMap((way) => {
      const inner = layer[way];
      return Array.isArray(inner) ? convolutionNames(inner as AnyLayerSpec[], `${name}.${way}.`) : [];
    });
  });
}
