// The common part of the layers softmax and logSoftmax: the option `dim`, and the module that has it.
import { z } from 'zod';
import { checkArguments } from '../../registry.ts';
import type { Shape } from '../../shape.ts';
import { Module } from '../module.ts';
import { sampleDimension } from './define.ts';

export const dimOptions = {
  dim: z
    .int()
    .default(1)
    .describe(
      'The dimension along which the probabilities sum to 1. 0 is the batch, which is not allowed. Negative numbers count from the end',
    ),
};
const constructorArguments = z.strictObject(dimOptions);

/** A module that works along one dimension. */
export abstract class OverDimension extends Module {
  protected readonly dim: number;

  /** @throws ArgumentError if `dim` is not a whole number. Default: 1 */
  constructor(dim?: number) {
    super();
    this.dim = checkArguments(new.target.name, constructorArguments, { dim }, {}).dim;
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/**
 * Returns the shape of the output: the shape of the input.
 * @throws ShapeError if `dim` is the batch, or a dimension that the input does not have
 */
export function shapeOverDimension({ dim }: { readonly dim: number }, input: Shape): Shape {
  sampleDimension('dim', dim, input);
  return input;
}
