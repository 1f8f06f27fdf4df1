// Branches (Szegedy et al. 2014): several lists of layers that all get the input, and whose outputs are joined. PyTorch has no such module, so
// an exported script defines one whose parameters have the same names.
import { z } from 'zod';
import { construct } from '../../construction.ts';
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
import { Sequential } from './sequential.ts';
import { buildSequence, constructSequence, inferBlock, leastBatches, rangeThrough, shapesThrough } from './sequence.ts';

const FEWEST = 2;
const MOST = 64;
const merges = ['concat', 'add'] as const;
type Merge = (typeof merges)[number];

const options = {
  branches: z
    .array(z.array(plainLayers.schema))
    .min(FEWEST)
    .max(MOST)
    .describe('The branches, each a list of layers from input to output. An empty list returns the input'),
  merge: z
    .enum(merges)
    .default('concat')
    .describe(
      'How the outputs are joined: concat puts their channels (or features) one after the other, add adds outputs of the same shape',
    ),
};

type Branch = readonly PlainLayerSpec[];

export interface BranchesOptions {
  /** How the outputs are joined. Default: 'concat'. */
  readonly merge?: Merge;
}

/** Runs every branch on the input and joins the outputs. Parameters are named `branches.0.0.weight`, by branch and layer. */
export class Branches extends Module {
  readonly branches: Module;
  readonly #merge: Merge;

  /** @throws ArgumentError for fewer than two branches, and for another `merge` than 'concat' and 'add' */
  constructor(branches: readonly Module[], { merge = 'concat' }: BranchesOptions = {}) {
    super();
    if (branches.length < FEWEST) throw new ArgumentError(`Branches needs at least ${FEWEST} branches, got ${branches.length}`);
    if (!merges.includes(merge)) throw new ArgumentError(`Branches: merge is 'concat' or 'add', got ${show(merge)}`);
    this.branches = new ModuleList(branches);
    this.#merge = merge;
  }

  /** @throws ShapeError if the shapes of the outputs do not fit together */
  override forward(input: Tensor): Tensor {
    const outputs = this.branches.namedChildren().map(([, branch]) => branch.forward(input));
    const shapes = outputs.map(({ shape: [, ...sample] }) => sample);
    mergedShape(shapes, this.#merge);
    return this.#merge === 'concat' ? cat(outputs, 1) : outputs.reduce(add);
  }
}
