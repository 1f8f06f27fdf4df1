// Cross entropy of logits and classes (torch.nn.CrossEntropyLoss): for targets that are labels.
import { changed, construct, tensors } from '../construction.ts';
import { z } from 'zod';
import { logSoftmax } from '../ops/softmax.ts';
import type { Tensor } from '../tensor.ts';
import { defineLoss, LossModule, scalarReduction } from './define.ts';
import { classOptions, nllLoss, type SmoothedNllLossOptions } from './nll.ts';
import { checkClasses, tensorOf } from './targets.ts';

/** Options of {@link crossEntropy}: weight, ignoreIndex −100, reduction 'mean', labelSmoothing 0. */
export type CrossEntropyLossOptions = SmoothedNllLossOptions;

/**
 * nllLoss of logSoftmax (torch.nn.functional.cross_entropy). The graph shows the two nodes as PyTorch's does; label
 * smoothing adds none.
 * @param logits [N, C], [N, C, …] or [C].
 * @param target classes, int32, of the same shape without C.
 * @throws ShapeError when they do not fit, ArgumentError for a class that does not exist or an option out of range.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyLossOptions = {}): Tensor {
  return nllLoss(logSoftmax(logits, logits.rank === 1 ? 0 : 1), target, options);
}

/** {@link crossEntropy} as a module. */
export class CrossEntropyLoss extends LossModule<CrossEntropyLossOptions> {
  override forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.options);
  }
}

const options = {
  ...classOptions,
  labelSmoothing: z.number().min(0).max(1).default(0).describe('Share of the target that is spread evenly over all classes'),
  reduction: scalarReduction,
};

export const crossEntropyDefinition = defineLoss({
  type: 'crossEntropy',
  description: 'Cross entropy of logits: for targets that are class labels',
  options,
  check: (compared, { weight }) => checkClasses('crossEntropy', compared, weight),
  build({ weight, ...rest }) {
    const options = { ...rest, weight: tensorOf(weight) };
    return (output, target) => crossEntropy(output, target, options);
  },
  pytorch: ({ weight, ...rest }) => construct('nn.CrossEntropyLoss', [], { ...tensors({ weight }), ...changed(options, rest) }),
});
