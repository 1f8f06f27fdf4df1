// A square near 0 that goes on as a straight line (torch.nn.SmoothL1Loss; Girshick 2015): for targets that are values.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { ArgumentError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkValues } from './targets.ts';

export interface SmoothL1LossOptions extends PointwiseOptions {
  /** Where the square ends; 0 makes it l1Loss; default 1. */
  readonly beta?: number;
}

/**
 * d²/(2·beta) for |d| < beta, else |d| − beta/2, d being input − target; reduced (torch.nn.functional.smooth_l1_loss).
 * @throws ArgumentError for a negative beta, and as pointwiseLoss.
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
    formula: {
      value: (input, target) => {
        const d = Math.abs(input - target);
        return d < beta ? (d * d) / (2 * beta) : d - beta / 2;
      },
      inputSlope: (input, target) => slope(input - target),
      targetSlope: (input, target) => slope(target - input),
    },
  });
}

/** {@link smoothL1Loss} as a module. */
export class SmoothL1Loss extends LossModule<SmoothL1LossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this.options);
  }
}

const options = { reduction: scalarReduction, beta: z.number().min(0).default(1).describe('Difference at which the square ends') };

export const smoothL1 = defineLoss({
  type: 'smoothL1',
  description: 'Squared error up to beta, absolute error beyond it: for targets that are values',
  options,
  check: (compared) => checkValues('smoothL1', compared),
  build: (options) => (output, target) => smoothL1Loss(output, target, options),
  pytorch: (given) => construct('nn.SmoothL1Loss', [], changed(options, given)),
});
