// The flatten layer, which joins dimensions into one (torch.nn.Flatten): options, module, shape rule.
import { construct } from '../../construction.ts';
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';
import { flatten as join } from '../../ops/movement.ts';
import { checkArguments } from '../../registry.ts';
import { formatShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { Module } from '../module.ts';
import { defineLayer, sampleDimension } from './define.ts';
import { gradientInPlace } from './memory.ts';

const options = {
  startDim: z
    .int()
    .default(1)
    .describe('The first dimension to join. 0 is the batch, which cannot be joined. Negative numbers count from the end'),
  endDim: z.int().default(-1).describe('The last dimension to join'),
};
const constructorArguments = z.strictObject(options);

/** Joins dimensions: [N, C, H, W] becomes [N, C·H·W]. startDim and endDim select other dimensions. */
export class Flatten extends Module {
  readonly #startDim: number;
  readonly #endDim: number;

  constructor(startDim?: number, endDim?: number) {
    super();
    const checked = checkArguments('Flatten', constructorArguments, { startDim, endDim }, {});
    this.#startDim = checked.startDim;
    this.#endDim = checked.endDim;
  }

  override forward(input: Tensor): Tensor {
    return join(input, this.#startDim, this.#endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.#startDim}, end_dim=${this.#endDim}`;
  }
}

export const flatten = defineLayer({
  type: 'flatten',
  description: 'Joins the dimensions of a sample into one',
  options,
  outputShape({ startDim, endDim }, input) {
    const start = sampleDimension('startDim', startDim, input);
    const end = sampleDimension('endDim', endDim, input);
    if (start > end) {
      throw new ShapeError(
        `startDim ${startDim} comes after endDim ${endDim} for a batch of inputs ${formatShape(input)}: swap them`,
        'startDim',
      );
    }
    return [...input.slice(0, start), sizeOf(input.slice(start, end + 1)), ...input.slice(end + 1)];
  },
  outputRange: (_options, input) => input,
  memory: { ...gradientInPlace, keptOutputs: 0 },
  build: ({ startDim, endDim }) => new Flatten(startDim, endDim),
  pytorch: ({ startDim, endDim }) => construct('nn.Flatten', startDim === 1 && endDim === -1 ? [] : [startDim, endDim]),
  onnx: ({ input, node, integers }, _options, _input, output) => node('Reshape', [input, integers([-1, ...output])]),
});
