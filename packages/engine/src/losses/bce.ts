// Binary cross entropy of probabilities (torch.nn.BCELoss): for targets that are values from 0 to 1, one or more per sample.
import { changed, construct, tensors } from '../construction.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { log, log1p } from '../math.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { type Formula, type PointwiseOptions, reducedLoss } from './pointwise.ts';
import { checkFactors, checkValues, featureFactors, tensorOf } from './targets.ts';

export interface BceLossOptions extends PointwiseOptions {
  /** The factor of each element's loss. It is broadcast to the shape of the input. Default: 1. */
  readonly weight?: Tensor | undefined;
}

/** PyTorch's bounds (ATen/native/Loss.cpp): the logarithm of 0 counts as −100, so that the loss and its derivative are finite. */
const LEAST_LOG = -100;
const LEAST_DENOMINATOR = 1e-12;

const formula: Formula = {
  value: (p, t) => -(t * Math.max(log(p), LEAST_LOG) + (1 - t) * Math.max(log1p(-p), LEAST_LOG)),
  inputSlope: (p, t) => (p - t) / Math.max(p * (1 - p), LEAST_DENOMINATOR),
  targetSlope: (p) => Math.max(log1p(-p), LEAST_LOG) - Math.max(log(p), LEAST_LOG),
};

/**
 * Computes −(t·log p + (1 − t)·log(1 − p)) for each element, and reduces the results (torch.nn.functional.binary_cross_entropy). For
 * logits, bceWithLogitsLoss is more exact.
 * @throws ShapeError if the shapes of input and target differ, or `weight` cannot be broadcast to them
 * @throws ArgumentError if the reduction is unknown, or an input is below 0 or above 1
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
      `bceLoss needs probabilities from 0 to 1, but element ${index} is ${p}: apply a sigmoid, or use bceWithLogitsLoss`,
    );
  }
}

/** A module that computes {@link bceLoss}. */
export class BCELoss extends LossModule<BceLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return bceLoss(input, target, this.options);
  }
}

const options = {
  reduction: scalarReduction,
  weight: featureFactors.optional().describe('The factor of the loss of each output feature. Default: 1'),
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
        `bce needs probabilities from 0 to 1, but the last layers give values from ${min} to ${max}: end with a sigmoid layer, or use the bceWithLogits loss`,
      );
    }
  },
  build({ weight, ...rest }) {
    const options = { ...rest, weight: tensorOf(weight) };
    return (output, target) => bceLoss(output, target, options);
  },
  probabilities: (output) => output,
  onnxProbabilities: ({ input }) => input,
  pytorch: ({ weight, ...rest }) => construct('nn.BCELoss', [], { ...tensors({ weight }), ...changed(options, rest) }),
});
