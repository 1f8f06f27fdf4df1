// Binary cross entropy of logits (torch.nn.BCEWithLogitsLoss). It is not computed as bce of a sigmoid, because a sigmoid may round to 0 or
// 1, and its logarithm is then wrong. log σ(x) = min(x, 0) − log(1 + e^−|x|) is exact for all logits.
import { changed, construct, tensors } from '../construction.ts';
import { exp, log1p } from '../math.ts';
import { sigmoid } from '../ops/activations.ts';
import type { Tensor } from '../tensor.ts';
import type { BceLossOptions } from './bce.ts';
import { checkLoss, defineLoss, LossModule, scalarReduction } from './define.ts';
import { type Formula, reducedLoss } from './pointwise.ts';
import { checkFactors, checkValues, featureFactors, tensorOf } from './targets.ts';

export interface BceWithLogitsLossOptions extends BceLossOptions {
  /** The factor of the positive part of the loss. It is broadcast to the shape of the input. Default: 1. */
  readonly posWeight?: Tensor | undefined;
}

const logSigmoid = (x: number): number => Math.min(x, 0) - log1p(exp(-Math.abs(x)));
/** Returns σ(−x). The exponential in it cannot overflow. */
function sigmoidOfNegative(x: number): number {
  const small = exp(-Math.abs(x));
  return (x > 0 ? small : 1) / (1 + small);
}

const formula: Formula = {
  value: (x, t, positive) => (1 - t) * x - ((positive - 1) * t + 1) * logSigmoid(x),
  inputSlope: (x, t, positive) => 1 - t - ((positive - 1) * t + 1) * sigmoidOfNegative(x),
  targetSlope: (x, _, positive) => -x - (positive - 1) * logSigmoid(x),
};

/**
 * Computes −(posWeight·t·log σ(x) + (1 − t)·log(1 − σ(x))) for each element, and reduces the results
 * (torch.nn.functional.binary_cross_entropy_with_logits).
 * @param target values, usually 0 or 1
 * @throws ShapeError if the shapes of input and target differ, or `weight` or `posWeight` cannot be broadcast to them
 * @throws ArgumentError if the reduction is unknown
 */
export function bceWithLogitsLoss(input: Tensor, target: Tensor, options: BceWithLogitsLossOptions = {}): Tensor {
  checkLoss('bceWithLogitsLoss', input, target, options, ['reduction', 'weight', 'posWeight']);
  const { reduction = 'mean', weight, posWeight } = options;
  return reducedLoss(input, target, {
    name: 'bceWithLogitsLoss',
    node: 'BinaryCrossEntropyWithLogits',
    reduction,
    weight,
    positive: posWeight,
    formula,
  });
}

/** A module that computes {@link bceWithLogitsLoss}. */
export class BCEWithLogitsLoss extends LossModule<BceWithLogitsLossOptions> {
  override forward(input: Tensor, target: Tensor): Tensor {
    return bceWithLogitsLoss(input, target, this.options);
  }
}

const options = {
  reduction: scalarReduction,
  weight: featureFactors.optional().describe('The factor of the loss of each output feature. Default: 1'),
  posWeight: featureFactors.optional().describe('The factor of the loss of each feature where the target is 1. Default: 1'),
};

export const bceWithLogits = defineLoss({
  type: 'bceWithLogits',
  description: 'Binary cross entropy of logits: for targets that are values from 0 to 1',
  options,
  check(compared, { weight, posWeight }) {
    checkValues('bceWithLogits', compared);
    checkFactors('bceWithLogits', 'weight', weight, compared);
    checkFactors('bceWithLogits', 'posWeight', posWeight, compared);
  },
  build({ weight, posWeight, ...rest }) {
    const options = { ...rest, weight: tensorOf(weight), posWeight: tensorOf(posWeight) };
    return (output, target) => bceWithLogitsLoss(output, target, options);
  },
  probabilities: sigmoid,
  onnxProbabilities: ({ input, node }) => node('Sigmoid', [input]),
  pytorch: ({ weight, posWeight, ...rest }) =>
    construct('nn.BCEWithLogitsLoss', [], { ...tensors({ weight, posWeight }), ...changed(options, rest) }),
});
