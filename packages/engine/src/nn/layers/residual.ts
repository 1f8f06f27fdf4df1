// A residual block (He et al. 2015): the output of its layers plus the input, or plus the output of a shortcut. PyTorch has no such module,
// so an exported script defines one whose parameters have the same names.
import { z } from 'zod';
import { construct } from '../../construction.ts';
import { ShapeError } from '../../errors.ts';
import { add } from '../../ops/elementwise.ts';
import { formatShape, type Shape, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer } from './define.ts';
import { memoryOfBlock } from './memory.ts';
import plainLayers, { type PlainLayerSpec } from './plain.ts';
import {
  buildSequence,
  constructSequence,
  costOfLists,
  inferInner,
  leastBatches,
  type PartSummary,
  rangeThrough,
  shapesThrough,
} from './sequence.ts';

const layers = z.array(plainLayers.schema).min(1);
const options = {
  layers: layers.describe('The layers whose output is added to the shortcut, from input to output'),
  shortcut: layers.optional().describe('The layers of the shortcut. If omitted, the input itself is added'),
};

/** layers(x) + x, or layers(x) + shortcut(x). Parameters are named `layers.0.weight`, `shortcut.0.weight`. */
export class Residual extends Module {
  readonly layers: Module;
  readonly shortcut: Module | null;

  constructor(layers: Module, shortcut: Module | null = null) {
    super();
    this.layers = layers;
    this.shortcut = shortcut;
  }

  /** @throws ShapeError if both outputs do not have the same shape */
  override forward(input: Tensor): Tensor {
    const [main, other] = [this.layers.forward(input), this.shortcut === null ? input : this.shortcut.forward(input)];
    // `add` would broadcast different shapes, which would hide the mistake.
    if (!sameShape(main.shape, other.shape)) throw new ShapeError(mismatch(main.shape, other.shape, this.shortcut !== null));
    return add(main, other);
  }
}

const mismatch = (main: Shape, other: Shape, hasShortcut: boolean): string =>
  hasShortcut
    ? `residual: layers give the shape ${formatShape(main)} and shortcut gives ${formatShape(other)}: make both equal`
    : `residual: layers change the shape ${formatShape(other)} to ${formatShape(main)}: keep the shape, or add a shortcut with the same output shape`;

/** Returns the summaries of `layers` or of `shortcut`. @throws ShapeError; its `field` is a path that begins with the block's option */
const infer = (way: 'layers' | 'shortcut', specs: readonly PlainLayerSpec[], input: Shape): readonly PartSummary[] =>
  inferInner(plainLayers.find, specs, input, [way], ` of its ${way}`);

const outputOf = (way: 'layers' | 'shortcut', specs: readonly PlainLayerSpec[], input: Shape): Shape =>
  infer(way, specs, input).at(-1)?.outputShape ?? input;

const python = `class Residual(nn.Module):
    """layers(x) + x, or layers(x) + shortcut(x)."""

    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, x):
        return self.layers(x) + (x if self.shortcut is None else self.shortcut(x))
`;

export const residual = defineLayer({
  type: 'residual',
  description: 'Adds the input, or the output of a shortcut, to the output of its layers',
  options,
  outputShape({ layers, shortcut }, input) {
    const main = outputOf('layers', layers, input);
    const other = shortcut === undefined ? input : outputOf('shortcut', shortcut, input);
    if (!sameShape(main, other))
      throw new ShapeError(mismatch(main, other, shortcut !== undefined), shortcut === undefined ? null : 'shortcut');
    return main;
  },
  cost({ layers, shortcut }, input) {
    const parts = [infer('layers', layers, input), ...(shortcut === undefined ? [] : [infer('shortcut', shortcut, input)])];
    return costOfLists(plainLayers.find, parts, input);
  },
  leastBatch: ({ layers, shortcut = [] }, input) =>
    Math.max(
      ...[layers, shortcut].flatMap((specs) => leastBatches(plainLayers.find, specs, shapesThrough(plainLayers.find, specs, input))),
    ),
  outputRange({ layers, shortcut = [] }, input) {
    const [main, other] = [layers, shortcut].map((specs) => rangeThrough(plainLayers.find, specs, input));
    return { min: main.min + other.min, max: main.max + other.max };
  },
  memory: memoryOfBlock,
  layerLists: ['layers', 'shortcut'],
  build: ({ layers, shortcut }, input, generator) =>
    new Residual(
      buildSequence(plainLayers.find, layers, input, generator),
      shortcut === undefined ? null : buildSequence(plainLayers.find, shortcut, input, generator),
    ),
  pytorch: ({ layers, shortcut }, input) => ({
    ...construct(
      'Residual',
      [layers, ...(shortcut === undefined ? [] : [shortcut])].map((specs) => constructSequence(plainLayers.find, specs, input)),
    ),
    definitions: python,
  }),
  onnx: ({ input, node, nested }, { layers, shortcut }, shape) =>
    node('Add', [nested('layers', layers, input, shape), shortcut === undefined ? input : nested('shortcut', shortcut, input, shape)]),
});
