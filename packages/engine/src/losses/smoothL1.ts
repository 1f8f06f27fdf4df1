// The squared error for small differences and the absolute error for large ones (torch.nn.SmoothL1Loss; Girshick 2015): for targets that
// are values.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { ArgumentError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { formulaOfDifference, type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkValues } from './targets.ts';

export interface SmoothL1LossOptions extends PointwiseOptions {
  /** The difference up to which the error is squared. With 0 the loss is l1Loss. Default: 1. */
  readonly beta?: number;
}

/**
 * Computes d²/(2·beta) for |d| < beta, else |d| − beta/2, where d is input − target, for each element, and reduces the results
 * (torch.nn.functional.smooth_l1_loss).
 * @throws ShapeError if the shapes of input and target differ
 * @throws ArgumentError if the reduction is unknown, or `beta` is negative
 */
export function smoothL1Loss(input: Tensor, target: Tensor, options: SmoothL1LossOptions = {}): Tensor {
  checkLoss('smoothL1Loss', input, target, options, ['reduction', 'beta']);
  const { reduction = 'mean', beta = 1 } = options;
  if (!(beta >= 0)) throw new ArgumentError(`smoothL1Loss: beta must be at least 0, got ${beta}`);
  const slope = (d: number): number => (Math.abs(d) < beta ? d / beta : Math.sign(d));
  return reducedLoss(input, target, {
    name: 'smoothL1Loss',
    node: 'SmoothL1Loss',
    reduction,
    formula: formulaOfDifference((d) => (d < beta ? (d * d) / (2 * beta) : d - beta / 2), slope),
  });
}

/** A module that computes {@link smoothL1Loss}. */
export class SmoothL1Loss extends LossModule<SmoothL1LossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this.options);
  }
}

const options = {
  reduction: scalarReduction,
  beta: z.number().min(0).default(1).describe('The difference up to which the error is squared'),
};

export const smoothL1 = defineLoss({
  type: 'smoothL1',
  description: 'Smooth L1 loss: the squared error up to a difference of beta, and the absolute error above it. For targets that are values',
  options,
  check: (compared) => checkValues('smoothL1', compared),
  build: (options) => (output, target) => smoothL1Loss(output, target, options),
  pytorch: (given) => construct('nn.SmoothL1Loss', [], changed(options, given)),
});
