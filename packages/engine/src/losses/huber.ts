// Huber's loss (torch.nn.HuberLoss; Huber 1964): smoothL1 times delta. For targets that are values.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { ArgumentError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { formulaOfDifference, type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkValues } from './targets.ts';

export interface HuberLossOptions extends PointwiseOptions {
  /** The difference up to which the error is squared. Must be above 0. Default: 1. */
  readonly delta?: number;
}

/**
 * Computes d²/2 for |d| ≤ delta, else delta·(|d| − delta/2), where d is input − target, for each element, and reduces the results
 * (torch.nn.functional.huber_loss).
 * @throws ShapeError if the shapes of input and target differ
 * @throws ArgumentError if the reduction is unknown, or `delta` is 0 or below
 */
export function huberLoss(input: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor {
  checkLoss('huberLoss', input, target, options, ['reduction', 'delta']);
  const { reduction = 'mean', delta = 1 } = options;
  if (!(delta > 0)) throw new ArgumentError(`huberLoss: delta must be above 0, got ${delta}`);
  const slope = (d: number): number => (Math.abs(d) <= delta ? d : delta * Math.sign(d));
  return reducedLoss(input, target, {
    name: 'huberLoss',
    node: 'HuberLoss',
    reduction,
    formula: formulaOfDifference((d) => (d <= delta ? (d * d) / 2 : delta * (d - delta / 2)), slope),
  });
}

/** A module that computes {@link huberLoss}. */
export class HuberLoss extends LossModule<HuberLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, this.options);
  }
}

const options = {
  reduction: scalarReduction,
  delta: z.number().gt(0).default(1).describe('The difference up to which the error is squared'),
};

export const huber = defineLoss({
  type: 'huber',
  description:
    'Huber loss: the squared error up to a difference of delta, and delta times the absolute error above it. For targets that are values',
  options,
  check: (compared) => checkValues('huber', compared),
  build: (options) => (output, target) => huberLoss(output, target, options),
  pytorch: (given) => construct('nn.HuberLoss', [], changed(options, given)),
});
