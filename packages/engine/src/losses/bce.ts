// Binary cross entropy of probabilities (torch.nn.BCELoss): for targets that are values from 0 to 1, one or more a sample.
import { changed, construct, tensors } from '../construction.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { log, log1p } from '../math.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { type Formula, type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkFactors, checkValues, featureFactors, tensorOf } from './targets.ts';

export interface BceLossOptions extends PointwiseOptions {
  /** Factor of each element's loss; broadcasts to the input. */
  readonly weight?: Tensor | undefined;
}

/** PyTorch's bounds (ATen/native/Loss.cpp): the logarithm of 0 is −100, and the slope there is finite. */
const LEAST_LOG = -100;
const LEAST_DENOMINATOR = 1e-12;

const formula: Formula = {
  value: (p, t) => -(t * Math.max(log(p), LEAST_LOG) + (1 - t) * Math.max(log1p(-p), LEAST_LOG)),
  inputSlope: (p, t) => (p - t) / Math.max(p * (1 - p), LEAST_DENOMINATOR),
  targetSlope: (p) => Math.max(log1p(-p), LEAST_LOG) - Math.max(log(p), LEAST_LOG),
};

/**
 * −(t·log p + (1 − t)·log(1 − p)), reduced (torch.nn.functional.binary_cross_entropy). From logits,
 * bceWithLogitsLoss is more exact.
 * @throws ArgumentError for an input outside 0 … 1, and as pointwiseLoss.
 */
export function bceLoss(input: Tensor, target: Tensor, options: BceLossOptions = {}): Tensor {
  checkLoss('bceLoss', input, target, options, ['reduction', 'weight']);
  const { reduction = 'mean', weight } = options;
  const parts = { name: 'bceLoss', node: 'BinaryCrossEntropy', reduction, weight, formula, check: checkProbability };
  return reducedLoss(input, target, parts);
}

function checkProbability(p: number, index: number): void {
  if (p < 0 || p > 1) {
    throw new ArgumentError(
      `bceLoss takes probabilities from 0 to 1, but element ${index} is ${p}: apply a sigmoid, or use bceWithLogitsLoss`,
    );
  }
}

/** {@link bceLoss} as a module. */
export class BCELoss extends LossModule<BceLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return bceLoss(input, target, this.options);
  }
}

const options = {
  reduction: scalarReduction,
  weight: featureFactors.optional().describe("Factor of each output feature's loss; 1 if left out"),
};

export const bce = defineLoss({
  type: 'bce',
  description: 'Binary cross entropy of probabilities: for targets that are values from 0 to 1',
  options,
  check(compared, { weight }) {
    checkValues('bce', compared);
    checkFactors('bce', 'weight', weight, compared);
    const { min, max } = compared.range;
    if (!(min >= 0 && max <= 1)) {
      throw new ShapeError(
        `bce takes probabilities from 0 to 1, but the last layers give values from ${min} to ${max}: end with a sigmoid layer, or use the bceWithLogits loss`,
      );
    }
  },
  build({ weight, ...rest }) {
    const options = { ...rest, weight: tensorOf(weight) };
    return (output, target) => bceLoss(output, target, options);
  },
  probabilities: (output) => output,
  pytorch: ({ weight, ...rest }) => construct('nn.BCELoss', [], { ...tensors({ weight }), ...changed(options, rest) }),
});
