// Mean absolute error (torch.nn.L1Loss): for targets that are values. Outliers have less influence than in the squared error.
import { changed, construct } from '../construction.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { formulaOfDifference, type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkValues } from './targets.ts';

const formula = formulaOfDifference((d) => d, Math.sign);

/**
 * Computes |input − target| for each element, and reduces the results (torch.nn.functional.l1_loss). The derivative is 0 where input and
 * target are equal.
 * @throws ShapeError if the shapes of input and target differ
 * @throws ArgumentError if the reduction is unknown
 */
export function l1Loss(input: Tensor, target: Tensor, options: PointwiseOptions = {}): Tensor {
  checkLoss('l1Loss', input, target, options, ['reduction']);
  const { reduction = 'mean' } = options;
  return reducedLoss(input, target, { name: 'l1Loss', node: 'L1Loss', reduction, formula });
}

/** A module that computes {@link l1Loss}. */
export class L1Loss extends LossModule<PointwiseOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this.options);
  }
}

const options = { reduction: scalarReduction };

export const l1 = defineLoss({
  type: 'l1',
  description: 'Mean absolute error: for targets that are values',
  options,
  check: (compared) => checkValues('l1', compared),
  build: (options) => (output, target) => l1Loss(output, target, options),
  pytorch: (given) => construct('nn.L1Loss', [], changed(options, given)),
});
