// Branches (Szegedy et al. 2014): lists of layers that all get the same input, and whose outputs are joined. PyTorch has no such module, so an
// exported script defines one whose parameters have the same names.
import { z } from 'zod';
import { changed, construct } from '../../construction.ts';
import { ArgumentError, ShapeError } from '../../errors.ts';
import { add } from '../../ops/elementwise.ts';
import { cat } from '../../ops/parts.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { show } from '../../validation.ts';
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

const FEWEST_BRANCHES = 2;
const MOST_BRANCHES = 64;
const merges = ['concat', 'add'] as const;
type Merge = (typeof merges)[number];

const merge = z
  .enum(merges)
  .default('concat')
  .describe('How the outputs are joined. concat: along the channels of images, or the features of vectors. add: element by element');
const options = {
  branches: z
    .array(z.array(plainLayers.schema))
    .min(FEWEST_BRANCHES)
    .max(MOST_BRANCHES)
    .describe('The branches, each a list of layers from input to output. An empty list gives the input itself'),
  merge,
};

interface Options {
  readonly branches: readonly (readonly PlainLayerSpec[])[];
  readonly merge: Merge;
}

export interface BranchesOptions {
  /** How the outputs are joined. Default: 'concat'. */
  readonly merge?: Merge;
}

/** Modules by their index (torch.nn.ModuleList). */
class ModuleList extends Module {
  readonly #modules: readonly Module[];

  constructor(modules: readonly Module[]) {
    super();
    this.#modules = modules;
  }

  override namedChildren(): [string, Module][] {
    return this.#modules.map((module, index) => [String(index), module]);
  }

  /** @throws ArgumentError always, because the list does not say how its modules are connected */
  override forward(): Tensor {
    throw new ArgumentError('ModuleList has no forward: call its modules');
  }
}

/** Gives the input to every branch and joins the outputs. Parameters are named `branches.0.0.weight`: branch, then layer. */
export class Branches extends Module {
  readonly branches: Module;
  readonly #merge: Merge;

  /** @throws ArgumentError for fewer than two branches, and for a `merge` other than 'concat' and 'add' */
  constructor(branches: readonly Module[], { merge: given = 'concat' }: BranchesOptions = {}) {
    super();
    if (branches.length < FEWEST_BRANCHES) {
      throw new ArgumentError(`Branches needs at least ${FEWEST_BRANCHES} branches, got ${branches.length}`);
    }
    if (!merges.includes(given)) throw new ArgumentError(`Branches: merge is 'concat' or 'add', got ${show(given)}`);
    this.branches = new ModuleList(branches);
    this.#merge = given;
  }

  /** @throws ShapeError if the outputs of the branches cannot be joined */
  override forward(input: Tensor): Tensor {
    const outputs = this.branches.namedChildren().map(([, branch]) => branch.forward(input));
    const shapes = outputs.map(({ shape }) => shape.slice(1));
    mergedShape(shapes, this.#merge);
    return this.#merge === 'concat' ? cat(outputs, 1) : outputs.reduce((sum, output) => add(sum, output));
  }
}

const remedies: Readonly<Record<Merge, string>> = {
  concat: 'give both the same sizes except for the first, for example with padding',
  add: 'make both equal, or merge with concat',
};

/** Returns the shape of the joined outputs. @param shapes the shape of one sample of each output. @throws ShapeError if they do not fit */
function mergedShape(shapes: readonly Shape[], by: Merge): Shape {
  const [first] = shapes;
  const other = shapes.findIndex((shape) => !(by === 'add' ? sameShape(shape, first) : sameShape(shape.slice(1), first.slice(1))));
  if (other !== -1) {
    const [given, expected] = [formatShape(shapes[other]), formatShape(first)];
    throw new ShapeError(
      `branches: branch 0 gives the shape ${expected} and branch ${other} gives ${given}: ${remedies[by]}`,
      `branches/${other}`,
    );
  }
  return by === 'add' ? first : [shapes.reduce((sum, [channels]) => sum + channels, 0), ...first.slice(1)];
}

/** Returns the summaries of the layers of each branch. @throws ShapeError; its `field` is a path that begins with `branches` */
const inferAll = ({ branches }: Options, input: Shape): readonly (readonly PartSummary[])[] =>
  branches.map((specs, index) => inferInner(plainLayers.find, specs, input, ['branches', index], ` of its branch ${index}`));

const python = `class Branches(nn.Module):
    """Gives the input to every branch and joins the outputs."""

    def __init__(self, branches, merge="concat"):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.merge = merge

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.merge == "concat" else sum(outputs[1:], outputs[0])
`;

export const branches = defineLayer({
  type: 'branches',
  description: 'Gives the input to several lists of layers and joins their outputs',
  options,
  outputShape(given, input) {
    const shapes = inferAll(given, input).map((parts) => parts.at(-1)?.outputShape ?? input);
    return mergedShape(shapes, given.merge);
  },
  cost(given, input, output) {
    const cost = costOfLists(plainLayers.find, inferAll(given, input), input);
    // Each addition but the last makes a sum that is not the output.
    const sums = given.merge === 'add' ? (given.branches.length - 2) * sizeOf(output) : 0;
    return { ...cost, innerActivations: cost.innerActivations + sums };
  },
  leastBatch: (given, input) =>
    Math.max(1, ...given.branches.flatMap((specs) => leastBatches(plainLayers.find, specs, shapesThrough(plainLayers.find, specs, input)))),
  outputRange(given, input) {
    const ranges = given.branches.map((specs) => rangeThrough(plainLayers.find, specs, input));
    if (given.merge === 'concat') return { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) };
    return { min: ranges.reduce((sum, { min }) => sum + min, 0), max: ranges.reduce((sum, { max }) => sum + max, 0) };
  },
  memory: memoryOfBlock,
  layerLists: ['branches'],
  build: (given, input, generator) =>
    new Branches(
      given.branches.map((specs) => buildSequence(plainLayers.find, specs, input, generator)),
      { merge: given.merge },
    ),
  pytorch: (given, input) => ({
    ...construct(
      'Branches',
      [given.branches.map((specs) => constructSequence(plainLayers.find, specs, input))],
      changed({ merge }, { merge: given.merge }),
    ),
    definitions: python,
  }),
  onnx({ input, node, nested }, given, shape) {
    const outputs = given.branches.map((specs, index) => nested(`branches.${index}`, specs, input, shape));
    return given.merge === 'concat' ? node('Concat', outputs, { axis: 1 }) : node('Sum', outputs);
  },
});
