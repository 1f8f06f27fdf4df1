// Cross entropy of logits and classes (torch.nn.CrossEntropyLoss): for targets that are class labels. As a function it also accepts targets
// that are probabilities.
import { changed, construct } from '../construction.ts';
import { z } from 'zod';
import { ArgumentError, ShapeError } from '../errors.ts';
import { add, div, mul, neg } from '../ops/elementwise.ts';
import { reshape } from '../ops/movement.ts';
import { sum } from '../ops/reduce.ts';
import { logSoftmax, softmax } from '../ops/softmax.ts';
import { formatShape, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkLoss, checkReduction, defineLoss, LossModule, scalarReduction } from './define.ts';
import { classOptions, nllLoss, smoothedOptions, type SmoothedNllLossOptions } from './nll.ts';
import { checkClasses, classFactors, factorsArgument, noneCounts } from './targets.ts';

/** The options of {@link crossEntropy}. Defaults: no weight, ignoreIndex −100, reduction 'mean', labelSmoothing 0. */
export type CrossEntropyLossOptions = SmoothedNllLossOptions;

/**
 * Computes nllLoss of logSoftmax (torch.nn.functional.cross_entropy). The graph has these two nodes, as in PyTorch. Label smoothing adds no
 * node.
 * @param logits a tensor [N, C], [N, C, …] or [C]
 * @param target classes (int32) of the same shape without C, or the probability of each class, of the same shape as the logits.
 *   ignoreIndex has no effect on probabilities
 * @throws ShapeError if the shapes of the input and the target do not fit
 * @throws ArgumentError if a class does not exist or an option is out of range
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyLossOptions = {}): Tensor {
  checkLoss('crossEntropy', logits, target, options, smoothedOptions);
  const classDim = logits.rank === 1 ? 0 : 1;
  const logProbabilities = logSoftmax(logits, classDim);
  const isProbabilities = target.dtype !== 'int32' && sameShape(target.shape, logits.shape);
  return isProbabilities ? probabilityLoss(logProbabilities, target, classDim, options) : nllLoss(logProbabilities, target, options);
}

/** Computes −Σ target · weight · logProbabilities. The mean is over the number of samples, and not over the weights. */
function probabilityLoss(
  logProbabilities: Tensor,
  target: Tensor,
  classDim: number,
  { weight, reduction = 'mean', labelSmoothing = 0 }: CrossEntropyLossOptions,
): Tensor {
  checkReduction('crossEntropy', reduction);
  const { shape, size } = logProbabilities;
  const classes = shape[classDim];
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) throw new ArgumentError(`labelSmoothing must be from 0 to 1, got ${labelSmoothing}`);
  if (weight !== undefined && !sameShape(weight.shape, [classes])) {
    throw new ShapeError(`crossEntropy: the weight of ${classes} classes must have shape [${classes}], got ${formatShape(weight.shape)}`);
  }
  const smoothed = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const weighted = weight === undefined ? smoothed : mul(smoothed, reshape(weight, [classes, ...shape.slice(classDim + 1).fill(1)]));
  const products = neg(mul(weighted, logProbabilities));
  if (reduction === 'none') return sum(products, classDim);
  return reduction === 'sum' ? sum(products) : div(sum(products), size / classes);
}

/** A module that computes {@link crossEntropy}. */
export class CrossEntropyLoss extends LossModule<CrossEntropyLossOptions> {
  override forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.options);
  }
}

const options = {
  ...classOptions,
  labelSmoothing: z.number().min(0).max(1).default(0).describe('The share of the target that is spread evenly over all classes'),
  reduction: scalarReduction,
};

export const crossEntropyDefinition = defineLoss({
  type: 'crossEntropy',
  description: 'Cross entropy of logits: for targets that are class labels',
  options,
  check: (compared, { weight }) => checkClasses('crossEntropy', compared, weight),
  build({ weight, ...rest }) {
    const options = { ...rest, weight: classFactors(weight) };
    return (output, target) => crossEntropy(output, target, options);
  },
  takesProbabilities: true,
  unfitTargets: (targets, options) => (targets instanceof Int32Array ? noneCounts(targets, options) : null),
  probabilities: (logits) => softmax(logits, 1),
  onnxProbabilities: ({ input, node }) => node('Softmax', [input], { axis: 1 }),
  pytorch: ({ weight, ...rest }) => construct('nn.CrossEntropyLoss', [], { ...factorsArgument(weight), ...changed(options, rest) }),
});
